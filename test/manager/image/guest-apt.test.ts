import {describe, expect, it} from 'vitest';
import {companionSuites, guestAptConfiguration, guestSources} from '../../../src/manager/image/guest-apt.js';

const part = (address: string, release: string, component = 'main') => ({address, release, component});

describe("a guest's archives", () => {
  it('have the updates and security suites of which the host has those of its own release', () => {
    const host = [
      part('http://mirror.test/debian/', 'bookworm'),
      part('http://mirror.test/debian/', 'bookworm-updates'),
      part('http://security.test/debian-security', 'bookworm-security'),
      part('http://security.test/debian-security', 'bookworm-security', 'contrib'),
      part('http://other.test/tools', 'stable'),
    ];
    expect(companionSuites('trixie', 'main', host)).toEqual([
      {address: 'http://mirror.test/debian/', name: 'trixie-updates'},
      {address: 'http://security.test/debian-security', name: 'trixie-security'},
    ]);
  });

  it('are told to its apt, those in folders of the host left out', () => {
    const sources = guestSources('main', [
      {address: 'http://mirror.test/debian/', name: 'trixie'},
      {address: 'http://mirror.test/debian', name: 'trixie-updates'},
      {address: 'https://security.test/debian-security', name: 'trixie-security'},
      {address: 'file:/srv/mirror', name: 'trixie'},
    ]);
    expect(sources).toBe(`Types: deb
URIs: http://mirror.test/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://security.test/debian-security
Suites: trixie-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`);
  });
});

describe("a guest's apt", () => {
  it('has the proxies of the host, and none of its files and habits', () => {
    const settings = [
      'Acquire::http::Proxy "http://proxy.test:3128";',
      'Acquire::http::Proxy::inside.test "DIRECT";',
      'Acquire::https::Proxy "";',
      'Acquire::http::Proxy-Auto-Detect "/usr/bin/auto-apt-proxy";',
      'Acquire::https::CAInfo "/etc/ssl/own.pem";',
      'Acquire::Check-Valid-Until "false";',
      'Acquire::Languages:: "none";',
    ].join('\n');
    expect(guestAptConfiguration(settings)).toBe(
      'Acquire::http::Proxy "http://proxy.test:3128";\n' +
        'Acquire::http::Proxy::inside.test "DIRECT";\n' +
        'Acquire::Check-Valid-Until "false";\n',
    );
  });
});
