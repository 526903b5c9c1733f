/** A line between client and server that can be cut. */
import { connect, createServer } from 'node:net';

export class Proxy {
  static async to(port) {
    const proxy = new Proxy(port);
    await new Promise((done, failed) => proxy.listener.once('error', failed).listen(0, '127.0.0.1', done));
    proxy.port = proxy.listener.address().port;
    return proxy;
  }

  constructor(port) {
    this.sockets = new Set();
    this.cuts = 0;
    /** Bytes that a connection may still carry to the server before it is cut; Infinity cuts nothing. */
    this.allowance = Infinity;
    this.listener = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const socket of [near, far]) {
        this.sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.on('data', (part) => {
        if (part.length <= this.allowance) {
          this.allowance -= part.length;
          if (!far.write(part)) {
            near.pause();
            far.once('drain', () => near.resume());
          }
          return;
        }
        // What is allowed still arrives; then the line is dead.
        const last = part.subarray(0, this.allowance);
        this.allowance = Infinity;
        this.cuts += 1;
        near.pause();
        far.write(last, () => far.end(() => near.destroy()));
      });
      far.on('data', (part) => near.write(part));
    });
  }

  cut_after(bytes) {
    this.allowance = bytes;
  }

  async close() {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((done) => this.listener.close(done));
  }
}
