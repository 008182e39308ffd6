import {mkdtempDisposable, truncate, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {
  agentPortName,
  type ExecReply,
  ExecReplyDecoder,
  type ExecRequest,
  encodeExecRequest,
  execDone,
  execPortNames,
} from '../../../src/manager/image/exec-protocol.js';
import {type BuiltImage, imageCommandLine} from '../../../src/manager/image/image-record.js';
import {builtDebianMini} from '../../support/debian-mini.js';
import {hasQemu, QemuGuest} from '../../support/qemu-guest.js';

const BUILD_TIMEOUT_MS = 600_000;
const BOOT_TIMEOUT_MS = 120_000;

describe.skipIf(!hasQemu)('debian-mini', {timeout: BOOT_TIMEOUT_MS}, () => {
  let image: BuiltImage;
  beforeAll(async () => {
    image = await builtDebianMini();
  }, BUILD_TIMEOUT_MS);

  const bootShell = () =>
    QemuGuest.boot({
      image,
      commandLine: imageCommandLine(image, {mode: 'shell', hostname: 'brave-otter'}),
      ports: [agentPortName],
    });

  async function runInGuest(
    request: ExecRequest,
    {input, devices = []}: {input?: Uint8Array; devices?: readonly string[]} = {},
  ): Promise<{reply: ExecReply; stdout: Buffer; stderr: string}> {
    const commandLine = imageCommandLine(image, {mode: 'exec', hostname: 'brave-otter'});
    await using guest = await QemuGuest.boot({image, commandLine, ports: [...execPortNames, agentPortName], devices});
    const control = guest.port('vivarium.exec.control');
    control.socket.write(encodeExecRequest(request));
    guest.port('vivarium.exec.stdin').socket.end(input ?? '');
    const reply = new ExecReplyDecoder().push(Buffer.from(await control.until(/\n/), 'latin1'));
    control.socket.write(execDone);
    await guest.ended();
    if (reply === undefined) throw new Error('no reply on the control port');
    const stderr = guest.port('vivarium.exec.stderr').bytes.toString();
    return {reply, stdout: guest.port('vivarium.exec.stdout').bytes, stderr};
  }

  describe('with a shell', () => {
    it('prompts with the host name, and has a terminal with job control', async () => {
      await using guest = await bootShell();
      const {console} = guest;
      expect(await console.until(/# /)).toMatch(/brave-otter:~# $/);
      await guest.port(agentPortName).until(/ready\n/);
      expect(guest.serial).toContain('Linux version 6.12');
      console.socket.write('stty rows 35 cols 120; stty size; echo $TERM; uname -m\n');
      expect(await console.until(/riscv64\r\n/)).toMatch(/35 120\r\nxterm-256color\r\n/);
      console.socket.write('mount | cut -d" " -f3,5 | tr "\\n" ";"; echo end\n');
      expect(await console.until(/;end\r\n/)).toMatch(/\/proc proc;\/sys sysfs;\/dev devtmpfs;.*\/dev\/pts devpts;/);
      // The word comes from the foreground job itself: an interrupt before there is one would be the shell's.
      console.socket.write("sh -c 'echo start; exec sleep 1000'\n");
      await console.until(/\nstart\r\n/);
      console.socket.write('\x03');
      await console.until(/\^C[\s\S]*# /);
      console.socket.write('echo after $?\n');
      await console.until(/\nafter 130\r\n/);
      // A shell that ends is replaced.
      console.socket.write('exit\n');
      await console.until(/BusyBox[\s\S]*brave-otter:~# /);
    });

    it.each(['poweroff', 'poweroff -f', 'halt', 'reboot'])('ends on %s', async (command) => {
      await using guest = await bootShell();
      await guest.console.until(/# /);
      guest.console.socket.write(`${command}\n`);
      await guest.ended();
    });

    it('shuts down when the host asks, and lets programs finish', async () => {
      await using guest = await bootShell();
      await guest.console.until(/# /);
      guest.console.socket.write(`sh -c 'trap "echo saved; exit" TERM; echo armed; while :; do sleep 0.05; done' &\n`);
      await guest.console.until(/[^ ]armed\r\n/);
      guest.port(agentPortName).socket.write('shutdown\n');
      await guest.console.until(/saved/);
      await guest.ended();
      expect(guest.serial).toContain('Power down');
    });
  });

  describe('with a command', () => {
    it('gives stdout, stderr and the status, each by itself', async () => {
      const script = 'echo out; echo err >&2; echo more >/dev/stderr; exit 7';
      const result = await runInGuest({arguments: ['sh', '-c', script], stdin: 'none'});
      expect(result.reply).toEqual({kind: 'exited', status: 7});
      expect(result.stdout.toString()).toBe('out\n');
      expect(result.stderr).toBe('err\nmore\n');
    });

    it('passes standard input, its end, and any bytes', async () => {
      const input = Uint8Array.from({length: 100_000}, (_, index) => (index * 7) % 256);
      const result = await runInGuest({arguments: ['cat'], stdin: 'pipe'}, {input});
      expect(result.reply).toEqual({kind: 'exited', status: 0});
      expect(result.stdout.equals(input)).toBe(true);
    });

    it('passes arguments, environment and folder byte for byte', async () => {
      const all = Uint8Array.from({length: 255}, (_, index) => index + 1);
      const result = await runInGuest({
        arguments: [
          'sh',
          '-c',
          'printf "%s|" "$@" "$GREETING" "$PWD" "$(hostname)"',
          'sh',
          all,
          '',
          ' a  b\n',
          '$(id)`id`',
        ],
        environment: {GREETING: 'grüß "dich"\n'},
        cwd: '/tmp',
        stdin: 'none',
      });
      const expected = Buffer.concat([all, Buffer.from('|| a  b\n|$(id)`id`|grüß "dich"\n|/tmp|brave-otter|')]);
      expect(result.stdout.equals(expected)).toBe(true);
    });

    it('ends with the command, whatever that left running', async () => {
      const script = 'sleep 1000 & (trap "" TERM HUP; sleep 1000) & echo done; kill -9 $$';
      const result = await runInGuest({arguments: ['sh', '-c', script], stdin: 'none'});
      expect(result).toMatchObject({reply: {kind: 'exited', status: 137}, stderr: ''});
    });

    it('says so when there is no such command or folder', async () => {
      expect(await runInGuest({arguments: ['nosuch'], stdin: 'none'})).toMatchObject({
        reply: {kind: 'exited', status: 127},
        stderr: 'nosuch: command not found\n',
      });
      expect(await runInGuest({arguments: ['true'], cwd: '/no/where', stdin: 'none'})).toMatchObject({
        reply: {kind: 'exited', status: 126},
      });
    });

    it('loads drivers for the devices and file systems that are there', async () => {
      await using folder = await mkdtempDisposable(join(tmpdir(), 'viv-disk-'));
      const disk = join(folder.path, 'disk');
      await writeFile(disk, '');
      await truncate(disk, 16 << 20);
      const script =
        'mke2fs /dev/vda >/dev/null && mount -t ext4 /dev/vda /mnt && echo kept >/mnt/file && umount /mnt &&' +
        ' mount /dev/vda /mnt && cat /mnt/file && head -c 8 /dev/hwrng | wc -c';
      const result = await runInGuest(
        {arguments: ['sh', '-c', script], stdin: 'none'},
        {
          devices: [
            ...['-drive', `if=none,id=d0,format=raw,file=${disk}`],
            ...['-device', 'virtio-blk-device,drive=d0', '-device', 'virtio-rng-device'],
          ],
        },
      );
      expect(result).toMatchObject({reply: {kind: 'exited', status: 0}, stderr: ''});
      expect(result.stdout.toString()).toBe('kept\n8\n');
    });
  });
});
