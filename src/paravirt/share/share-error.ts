/** An error that a guest is told, thrown on the way to a file and caught where requests are answered. */
export class ShareError extends Error {
  override readonly name = 'ShareError';
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}
