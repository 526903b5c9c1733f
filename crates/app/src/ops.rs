//! What operators do.

use accounts::Role;
use base::JobId;

use crate::{App, AppError};

impl App {
    /// Gives a job that failed for good its attempts back.
    pub async fn retry_job(&self, id: JobId) -> Result<(), AppError> {
        let mut change = self.begin().await?;
        let job = self.jobs.retry(&mut change.tx, id).await?;
        if let Some(video) = job.video {
            self.catalog.resume(&mut change.tx, video).await?;
        }
        self.commit(change).await?;
        self.jobs.wake();
        Ok(())
    }

    /// Makes an account an operator.
    pub async fn make_operator(&self, handle: &str) -> Result<(), AppError> {
        let account = self.accounts.by_handle(handle).await?;
        Ok(self.accounts.set_role(account.id, Role::Operator).await?)
    }

    /// A session of an operator made for a measurement.
    pub async fn bench_operator_token(&self) -> Result<String, AppError> {
        let handle = format!("bench{:x}", self.random_u64() & 0xffff_ffff);
        let password = format!("{:016x}{:016x}", self.random_u64(), self.random_u64());
        let new = accounts::NewAccount {
            handle: handle.clone(),
            display_name: None,
            bio: String::new(),
            password: password.clone(),
            birth_year: 1990,
            language: None,
            role: Role::Operator,
        };
        self.accounts.create(new).await?;
        let arrival =
            accounts::Arrival { address: std::net::Ipv4Addr::LOCALHOST.into(), user_agent: String::new(), previous: None };
        Ok(self.accounts.sign_in(&handle, &password, &arrival).await?.token)
    }
}
