import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import * as registry from '../../../src/tui/actions/registry.js';
import {PreferenceWriter, readPreferences, withPreferences} from '../../../src/tui/app/preferences.js';
import {loadSettings, settingsFolder} from '../../../src/tui/app/settings.js';
import {initialState} from '../../../src/tui/state/model.js';

const ACTIONS = Object.values(registry);

let home: string;
let env: NodeJS.ProcessEnv;
let folder: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'viv-settings-'));
  env = {XDG_CONFIG_HOME: home};
  folder = settingsFolder(env);
  await mkdir(folder, {recursive: true});
});
afterEach(() => rm(home, {recursive: true, force: true}));

const keymap = (content: string) => writeFile(join(folder, 'keymap.json'), content);

describe('a keymap of one’s own', () => {
  test('lies over the shipped one', async () => {
    await keymap('{"machine.pause": ["P"]}');
    const {keys, problems} = loadSettings(env, ACTIONS);
    expect(keys['machine.pause']).toEqual(['P']);
    expect(keys['machine.kill']).toEqual(['K']);
    expect(problems).toEqual([]);
  });

  test('may make two keys change places', async () => {
    await keymap('{"machine.pause": ["s"], "machine.start": ["p"]}');
    const {keys, problems} = loadSettings(env, ACTIONS);
    expect([keys['machine.pause'], keys['machine.start']]).toEqual([['s'], ['p']]);
    expect(problems).toEqual([]);
  });

  test('that binds a key twice is told, and what fits is used', async () => {
    await keymap('{"machine.pause": ["q"], "machine.save": ["ctrl-s"]}');
    const {keys, problems} = loadSettings(env, ACTIONS);
    expect(keys['machine.pause']).toEqual(['p']);
    expect(keys['machine.save']).toEqual(['ctrl-s']);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^keymap\.json: The key q is bound to both .* machine\.pause keeps its usual keys\.$/);
  });

  test.each([
    ['{"machine.fly": ["x"]}', 'machine.fly'],
    ['{"machine.pause": "x"}', 'machine.pause'],
    ['not json', 'keymap.json cannot be read'],
  ])('that is %s is told and not used', async (content, problem) => {
    await keymap(content);
    const {keys, problems} = loadSettings(env, ACTIONS);
    expect(keys['machine.pause']).toEqual(['p']);
    expect(problems[0]).toContain(problem);
  });
});

describe('preferences', () => {
  const usual = initialState({columns: 80, rows: 24}, 0);

  test('are what the next start begins with', async () => {
    const failures: unknown[] = [];
    {
      await using writer = new PreferenceWriter(folder, usual, (error) => failures.push(error));
      writer.follow({...usual, theme: 'light', listWidth: 50, list: {...usual.list, sort: 'cpu', grouping: 'state'}});
    }
    expect(failures).toEqual([]);
    const state = withPreferences(usual, readPreferences(folder));
    expect(state).toMatchObject({theme: 'light', listWidth: 50, list: {sort: 'cpu', grouping: 'state'}});
  });

  test('leave no file while nothing was changed', async () => {
    {
      await using writer = new PreferenceWriter(folder, usual, () => undefined);
      writer.follow({...usual, nowMs: 5, selectedId: 'x'});
    }
    await expect(readFile(join(folder, 'preferences.json'))).rejects.toThrow('ENOENT');
  });

  test.each(['', 'no json', '[]', '{"sort": "colour", "listWidth": -7, "theme": "../../x", "isMouseOn": "yes"}'])(
    'that are %j are as good as none',
    async (content) => {
      await writeFile(join(folder, 'preferences.json'), content);
      expect(withPreferences(usual, readPreferences(folder))).toEqual({...usual, listWidth: undefined});
    },
  );
});
