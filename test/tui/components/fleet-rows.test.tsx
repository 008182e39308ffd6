import {render} from 'ink-testing-library';
import {expect, test} from 'vitest';
import {FleetScreen} from '../../../src/tui/screens/fleet.js';
import {layoutOf} from '../../../src/tui/state/list.js';
import {type AppState, initialState} from '../../../src/tui/state/model.js';
import {reduce} from '../../../src/tui/state/reducer.js';
import {fakeMachine} from '../../support/fake-fleet.js';

/** How often the name of any machine is read while the highlight goes down 20 rows of a list. */
function readsOf(count: number): number {
  let reads = 0;
  const machines = Array.from({length: count}, (_, index) => {
    const name = `vm-${index + 1}`;
    return Object.defineProperty(fakeMachine(name, 'defined'), 'name', {
      get: () => {
        reads++;
        return name;
      },
    });
  });
  const size = {columns: 120, rows: 35};
  let state: AppState = {...initialState(size, 0), connection: {state: 'connected'}, machines};
  const screen = () => <FleetScreen state={state} layout={layoutOf(state)} actions={[]} sparkStyle="braille" />;
  const {rerender, lastFrame, unmount} = render(screen());
  reads = 0;
  for (let row = 0; row < 20; row++) {
    state = reduce(state, {type: 'selectionMoved', by: 1});
    rerender(screen());
  }
  expect(lastFrame()).toContain('▸ vm-21');
  unmount();
  return reads;
}

test('going down a list renders the rows in sight, however many there are', () => {
  const few = readsOf(60);
  expect(few).toBeGreaterThan(0);
  expect(readsOf(500)).toBeLessThanOrEqual(few * 1.1);
});
