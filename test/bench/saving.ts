/**
 * Saving a large guest while it runs, and going on from the file: how long it stands still, how long writing takes and
 * slows it, and the time from process start to the first answer on its console, against booting to the prompt.
 */
import {mkdtempSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {EngineHost} from '../../src/manager/hypervisor/builtin/engine-host.js';
import type {BuiltImage} from '../../src/manager/image/image-record.js';
import {findPaths} from '../../src/manager/paths.js';
import {loadSettings} from '../../src/manager/settings/settings.js';
import {PROMPT} from './boot.js';
import {type LinuxGuest, type OwnProgram, ownCommand} from './guest-process.js';
import {median, run} from './process.js';

const MEMORY_BYTES = 1024 ** 3;
const FILLED_MIB = 300;
/** How long the guest's own pace is taken. Units: milliseconds */
const PACE_MS = 1000;
/** What only the guest's shell can make of what is typed. */
const QUESTION = 'echo an"swe"red\n';
const ANSWER = /answered/;

/** Prints medians over the rounds. */
export async function benchSaving(self: OwnProgram, image: BuiltImage, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-saving-'));
  try {
    const {kernelPath, initrdPath, commandLine} = image;
    const guest: LinuxGuest = {
      ...{kernelPath, initrdPath, commandLine},
      hartCount: 1,
      memoryBytes: MEMORY_BYTES,
      console: 'virtio',
    };
    const path = join(folder, 'saved');
    const saves = await saveWhileItRuns(guest, path, rounds);
    const of = (pick: (save: Save) => number) => median(saves.map(pick)).toFixed(0);
    console.log(
      `saving ${of(({touchedMib}) => touchedMib)} MiB of 1 GiB: ${of(({pausedMs}) => pausedMs)} ms standing still, ` +
        `${of(({writtenMs}) => writtenMs)} ms writing ${of(({fileMib}) => fileMib)} MiB, ` +
        `the guest at ${of(({pace}) => pace * 100)} % of its pace meanwhile`,
    );
    const booting: number[] = [];
    const going: number[] = [];
    for (let round = 0; round < rounds; round++) {
      booting.push((await run(ownCommand(self, guest), {until: PROMPT})).milliseconds);
      const restored = ownCommand(self, {...guest, savedPath: path, typed: QUESTION});
      going.push((await run(restored, {until: ANSWER})).milliseconds);
      process.stderr.write(`saving: round ${round + 1} of ${rounds} done\n`);
    }
    const [boot, restore] = [median(booting), median(going)];
    console.log(
      `going on from it to the first answer: ${restore.toFixed(0)} ms, booting to the prompt ${boot.toFixed(0)} ms, ratio ${(restore / boot).toFixed(2)}`,
    );
  } finally {
    rmSync(folder, {recursive: true});
  }
}

interface Save {
  readonly pausedMs: number;
  readonly writtenMs: number;
  readonly touchedMib: number;
  readonly fileMib: number;
  /** Instructions of the guest in a time while it is written, as a part of those in the same time before. */
  readonly pace: number;
}

async function saveWhileItRuns(guest: LinuxGuest, path: string, rounds: number): Promise<Save[]> {
  const settings = await loadSettings(findPaths(process.env).settings);
  const console = {text: ''};
  await using host = await EngineHost.create(
    {
      ...{memoryBytes: guest.memoryBytes, hartCount: guest.hartCount, disks: [], ports: []},
      boot: {kind: 'linux', kernelPath: guest.kernelPath, initrdPath: guest.initrdPath, commandLine: guest.commandLine},
      size: {columns: 100, rows: 30},
      tier: settings.machines.defaultTier,
      regions: settings.regions,
    },
    {
      onOutput: (bytes) => {
        console.text += Buffer.from(bytes).toString('latin1');
      },
      onRebooted: () => undefined,
    },
  );
  const until = async (pattern: RegExp) => {
    while (!pattern.test(console.text)) await pause(5);
    console.text = '';
  };
  host.start();
  await until(PROMPT);
  host.write(
    Buffer.from(
      `mount -o remount,size=600m /tmp 2>/dev/null; head -c ${FILLED_MIB}m /dev/urandom >/tmp/noise; echo fil"led"\n`,
    ),
  );
  await until(/filled/);
  host.write(Buffer.from('while :; do head -c 100000 /dev/zero >/tmp/busy; done &\n'));
  await pause(PACE_MS);
  const saves: Save[] = [];
  for (let round = 0; round < rounds; round++) {
    rmSync(path, {force: true});
    const before = host.counters().instructions;
    await pause(PACE_MS);
    const started = host.counters().instructions;
    const began = performance.now();
    const {pausedMs} = await host.save({path, packing: 'small'});
    const writtenMs = performance.now() - began;
    const {instructions, memoryTouchedBytes} = host.counters();
    const pace = (instructions - started) / writtenMs / ((started - before) / PACE_MS);
    const mib = (bytes: number) => bytes / 1024 ** 2;
    saves.push({pausedMs, writtenMs, pace, touchedMib: mib(memoryTouchedBytes), fileMib: mib(statSync(path).size)});
  }
  return saves;
}

const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
