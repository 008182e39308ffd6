/** How the server's own keys are called, and whom clients log in as. */

/** Names in the folder of own keys: the host's, and that of `viv ssh`. */
export const HOST_KEY_NAME = 'host_ed25519';
/** See `HOST_KEY_NAME`. */
export const OWN_KEY_NAME = 'id_ed25519';
/** What the host is called there: its key stays the same wherever it listens. */
export const HOST_ALIAS = 'vivarium';
/** Name under which the terminal UI is reached. */
export const SCREEN_USER = 'viv';
/** Ending of names that stand for machines wherever other hosts could be meant. */
export const GUEST_SUFFIX = '.vm';
