/**
 * Seeds for guests with cloud-init: an ISO image labelled CIDATA, which its NoCloud data source finds on any disk.
 * Source: cloud-init documentation, "NoCloud" and "Instance metadata"
 */
import {open} from 'node:fs/promises';
import {dirname} from 'node:path';
import {IsoWriter} from './iso9660.js';

/** What the guest is told. `instanceId` is another for each machine: by it cloud-init knows a first boot. */
export interface NoCloudSeed {
  readonly instanceId: string;
  readonly hostName: string;
  /** As the user wrote it; without it one that lets `authorizedKeys` in. */
  readonly userData?: string | undefined;
  readonly networkConfig?: string | undefined;
  readonly authorizedKeys: readonly string[];
}

/** Writes the image, durably. The file must not be there. */
export async function writeNoCloudSeed(path: string, seed: NoCloudSeed): Promise<void> {
  const {instanceId, hostName, networkConfig, authorizedKeys} = seed;
  // JSON is YAML, and needs no quoting of its own.
  const metaData = {'instance-id': instanceId, 'local-hostname': hostName};
  const userData = seed.userData ?? `#cloud-config\n${JSON.stringify({ssh_authorized_keys: authorizedKeys})}\n`;
  {
    await using iso = await IsoWriter.create(path, 'CIDATA');
    await iso.add('meta-data', Buffer.from(`${JSON.stringify(metaData)}\n`));
    await iso.add('user-data', Buffer.from(userData));
    if (networkConfig !== undefined) await iso.add('network-config', Buffer.from(networkConfig));
    await iso.finish();
  }
  for (const one of [path, dirname(path)]) {
    await using handle = await open(one, 'r');
    await handle.sync();
  }
}
