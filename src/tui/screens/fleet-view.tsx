import {Box} from 'ink';
import type {ReactElement} from 'react';
import type {ScreenProps} from '../screen.js';
import {fleetRect} from '../state/presenters/fleet-view.js';

/** Room for the fleet view, which is painted directly. */
export function FleetViewScreen({state}: ScreenProps): ReactElement {
  const {width, height} = fleetRect(state);
  return <Box width={width} height={height} />;
}
