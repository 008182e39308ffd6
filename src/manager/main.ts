/**
 * Start file of the daemon, `vivd`. Says over its start channel, when it was given one, that it listens or why it
 * cannot; after that it depends on nobody. Its stderr is the daemon log.
 */
import type {StartReport} from './client/start-daemon.js';
import {toManagerError} from './protocol/errors.js';
import {Daemon} from './server/daemon.js';

process.umask(0o077);
process.title = 'vivd';

function report(message: StartReport): void {
  if (process.connected) process.send?.(message, () => process.disconnect?.());
}

try {
  const daemon = await Daemon.start(process.env);
  process.on('SIGHUP', () => undefined);
  process.on('SIGINT', () => void daemon.stop('keep'));
  process.on('SIGTERM', () => void daemon.stopBySignal());
  report({isReady: true});
  await daemon.ended;
  process.exitCode = 0;
} catch (thrown) {
  const {code, message, hint} = toManagerError(thrown);
  console.error(code === 'internal' && thrown instanceof Error ? thrown.stack : `${message} ${hint}`);
  report({isReady: false, code, message, hint});
  process.exitCode = 1;
}
