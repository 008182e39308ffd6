/**
 * How many connections there may be: few that have not logged in and only for a while, more that have, and not many new
 * ones a second, since each costs a key exchange. What is over is closed before anything is read of it.
 */

/** Connections that have not logged in. */
export const UNAUTHENTICATED_MAX = 16;
/** How long one may take to log in. */
export const LOGIN_GRACE_MS = 20_000;
/** Connections that have logged in. */
export const AUTHENTICATED_MAX = 64;
/** New connections a second in the long run, and at once. A handshake takes some 5 ms of the daemon. */
export const CONNECTIONS_PER_SECOND = 10;
/** See `CONNECTIONS_PER_SECOND`. */
export const CONNECTIONS_AT_ONCE = 20;

/** Counts connections. Units: `now` milliseconds, of any clock that only goes on */
export class Admission {
  #unauthenticated = 0;
  #authenticated = 0;
  #tokens = CONNECTIONS_AT_ONCE;
  #lastMs: number | undefined;

  /** Whether a new connection may go on; it then counts as one that has not logged in. */
  enter(now: number): boolean {
    const passedMs = now - (this.#lastMs ?? now);
    this.#lastMs = now;
    this.#tokens = Math.min(CONNECTIONS_AT_ONCE, this.#tokens + (passedMs * CONNECTIONS_PER_SECOND) / 1000);
    if (this.#unauthenticated >= UNAUTHENTICATED_MAX || this.#tokens < 1) return false;
    this.#tokens--;
    this.#unauthenticated++;
    return true;
  }

  /** Whether one that proved who it is may stay; it then counts as logged in. */
  logIn(): boolean {
    if (this.#authenticated >= AUTHENTICATED_MAX) return false;
    this.#unauthenticated--;
    this.#authenticated++;
    return true;
  }

  /** A connection is gone. */
  leave(hadLoggedIn: boolean): void {
    if (hadLoggedIn) this.#authenticated--;
    else this.#unauthenticated--;
  }
}
