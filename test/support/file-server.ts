/** An HTTP server with files, as images are downloaded from; it can also be one that does not do what it should. */
import {createServer, type Server} from 'node:http';

/** Disposing it closes it, with its connections. */
export class FileServer implements AsyncDisposable {
  /** By path, such as `/kernel`. */
  readonly files = new Map<string, Uint8Array>();
  /** Paths that begin and never end. */
  readonly endless = new Set<string>();
  readonly #server: Server;
  readonly #asked = new Map<string, () => void>();

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? '';
      this.#asked.get(path)?.();
      const bytes = this.files.get(path);
      if (bytes === undefined) response.writeHead(404).end('nothing');
      else if (this.endless.has(path)) response.writeHead(200, {'content-length': bytes.length + 1}).write(bytes);
      else response.writeHead(200, {'content-length': bytes.length}).end(bytes);
    });
  }

  static async open(): Promise<FileServer> {
    const server = new FileServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** The address of a path. */
  address(path: string): string {
    const bound = this.#server.address();
    return `http://127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}${path}`;
  }

  /** Resolves when a path is asked for. */
  asked(path: string): Promise<void> {
    return new Promise((resolve) => this.#asked.set(path, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
