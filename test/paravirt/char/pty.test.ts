import {execFileSync} from 'node:child_process';
import {closeSync, constants, openSync, readSync, writeSync} from 'node:fs';
import {expect, it} from 'vitest';
import {openPty, PTY_PENDING_BYTES_MAX} from '../../../src/paravirt/char/backends/pty.js';
import {FakeOwner} from '../../support/driver-char.js';

const attach = (path: string) => openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);

/** Reads until the terminal has shown as many bytes as expected. */
async function readBytes(fd: number, count: number): Promise<string> {
  let seen = '';
  while (seen.length < count) {
    const buffer = Buffer.alloc(4096);
    try {
      seen += buffer.toString('latin1', 0, readSync(fd, buffer));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await new Promise(setImmediate);
    }
  }
  return seen;
}

it('a program that opens the terminal talks to the owner, raw in both directions', async () => {
  const owner = new FakeOwner();
  await using pty = await openPty(owner, {columns: 91, rows: 17});
  expect(pty.address).toMatch(/^\/dev\//);
  const fd = attach(pty.address);
  await owner.until(() => owner.attachedCount === 1);
  const output = '\x1b[1mbold\x1b[0m \x03\x04\x1a\x7f\r\nx';
  pty.write(Buffer.from(output, 'latin1'));
  expect(await readBytes(fd, output.length)).toBe(output);
  writeSync(fd, '\x03ls\r');
  await owner.until(() => owner.received.length >= 4);
  // Exactly what was typed: no echo of the output came back.
  expect(owner.received).toBe('\x03ls\r');
  closeSync(fd);
});

it('nobody attached blocks nothing, and who comes later sees only what comes later', async () => {
  const owner = new FakeOwner();
  await using pty = await openPty(owner);
  const early = new Uint8Array(PTY_PENDING_BYTES_MAX * 2);
  pty.write(early);
  expect(pty.droppedBytes).toBe(early.length);
  for (let round = 0; round < 2; round++) {
    const fd = attach(pty.address);
    await owner.until(() => owner.attachedCount === 1);
    pty.write(Buffer.from('now'));
    expect(await readBytes(fd, 3)).toBe('now');
    closeSync(fd);
    await owner.until(() => owner.attachedCount === 0);
    pty.write(Buffer.from('gone'));
  }
  expect(pty.droppedBytes).toBe(early.length + 8);
});

it('an attached program that does not read costs no more than its bound', async () => {
  const owner = new FakeOwner();
  await using pty = await openPty(owner);
  const fd = attach(pty.address);
  await owner.until(() => owner.attachedCount === 1);
  const chunk = new Uint8Array(1024).fill(65);
  const total = 2 * PTY_PENDING_BYTES_MAX;
  for (let sent = 0; sent < total; sent += chunk.length) pty.write(chunk);
  expect(pty.droppedBytes).toBeGreaterThan(0);
  expect(await readBytes(fd, total - pty.droppedBytes)).toHaveLength(total - pty.droppedBytes);
  closeSync(fd);
});

it('input the owner does not take waits', async () => {
  const owner = new FakeOwner();
  owner.room = 2;
  await using pty = await openPty(owner);
  const fd = attach(pty.address);
  writeSync(fd, 'abcd');
  await owner.until(() => owner.received === 'ab');
  owner.room = 100;
  writeSync(fd, 'ef');
  pty.resumeInput();
  await owner.until(() => owner.received === 'abcdef');
  closeSync(fd);
});

it('tells the attached program its size', async () => {
  await using pty = await openPty(new FakeOwner());
  pty.resize(132, 43);
  const fd = attach(pty.address);
  expect(execFileSync('stty', ['size'], {stdio: [fd, 'pipe', 'pipe']}).toString()).toBe('43 132\n');
  closeSync(fd);
});

it('is gone after it was disposed', async () => {
  const pty = await openPty(new FakeOwner());
  await pty[Symbol.asyncDispose]();
  expect(() => attach(pty.address)).toThrow();
  pty.write(Buffer.from('x'));
  pty.resize(1, 1);
});
