/** The apt settings of a guest: the archives and proxies that the host has, as far as they mean anything in a guest. */

/** A part of an archive, as `apt-get indextargets` names it. */
export interface ArchivePart {
  readonly address: string;
  readonly release: string;
  readonly component: string;
}

/** Settings of the host's that are about how archives are reached, and name no file of the host. */
const CARRIED = /^Acquire::(?:(?:https?|ftp)::Proxy(?:::[A-Za-z0-9.-]+)?|Check-Valid-Until|Check-Date) "([^"]*)";$/;

/** A suite of an archive. */
export interface Suite {
  readonly address: string;
  readonly name: string;
}

/** Updates and security of a suite, where the host has those of its own release. */
export function companionSuites(suite: string, component: string, host: readonly ArchivePart[]): Suite[] {
  return host.flatMap(({address, release, component: other}) => {
    const kind = /-(updates|security)$/.exec(release)?.[1];
    return kind === undefined || other !== component ? [] : [{address, name: `${suite}-${kind}`}];
  });
}

/**
 * A deb822 file for /etc/apt/sources.list.d. An archive in a folder of the host is none for a guest.
 * Shape:  one stanza for each archive
 * Source: sources.list(5)
 */
export function guestSources(component: string, suites: readonly Suite[]): string {
  const byAddress = new Map<string, Set<string>>();
  for (const {address, name} of suites) {
    if (!/^https?:\/\/[^\s]+$/.test(address)) continue;
    const plain = address.replace(/\/+$/, '');
    byAddress.set(plain, (byAddress.get(plain) ?? new Set()).add(name));
  }
  return [...byAddress]
    .map(([address, names]) =>
      [
        'Types: deb',
        `URIs: ${address}`,
        `Suites: ${[...names].join(' ')}`,
        `Components: ${component}`,
        'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
        '',
      ].join('\n'),
    )
    .join('\n');
}

/** A file for /etc/apt/apt.conf.d, of what `apt-config dump` of the host says; empty when there is nothing to carry over. */
export function guestAptConfiguration(hostSettings: string): string {
  const lines = hostSettings.split('\n').filter((line) => CARRIED.test(line) && !/""/.test(line));
  return lines.map((line) => `${line}\n`).join('');
}

/** The proxy for addresses of the archive, of what `apt-config dump` of the host says; empty for none. */
export function guestProxy(hostSettings: string): string {
  const proxy = /^Acquire::http::Proxy "(https?:\/\/[^"\s]+)";$/m.exec(hostSettings)?.[1];
  return proxy ?? '';
}
