/** How the server's own keys are called. */

/** Names in the folder of own keys: the host's, and that of `viv ssh`. */
export const HOST_KEY_NAME = 'host_ed25519';
/** See `HOST_KEY_NAME`. */
export const OWN_KEY_NAME = 'id_ed25519';
/** What the host is called there: its key stays the same wherever it listens. */
export const HOST_ALIAS = 'vivarium';
