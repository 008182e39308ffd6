/** Runs `make` without this process's umask: the guest has applied its own. */
export function withoutUmask<T>(make: () => T): T {
  const before = process.umask(0);
  try {
    return make();
  } finally {
    process.umask(before);
  }
}
