//! One keep-alive HTTP connection, for load on loopback.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

pub struct Client {
    sender: SendRequest<Body>,
    /// A session, or a viewer's cookie.
    pub credentials: Credentials,
}

#[derive(Clone, Debug)]
pub enum Credentials {
    None,
    Bearer(String),
    Cookie(String),
}

impl Client {
    pub async fn connect(address: SocketAddr, credentials: Credentials) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("the server does not answer")?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, credentials })
    }

    /// Sends one request and reads its whole answer.
    pub async fn send(&mut self, method: Method, path: &str, content_type: &str, body: Bytes) -> Result<(StatusCode, Bytes)> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        request = match &self.credentials {
            Credentials::None => request,
            Credentials::Bearer(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            Credentials::Cookie(cookie) => request.header(header::COOKIE, cookie),
        };
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Body::from(body))?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, body))
    }
}
