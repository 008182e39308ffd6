import type {ReactElement} from 'react';
import {Line} from '../components/line.js';
import {OverlayBox} from '../components/overlay-box.js';
import {HELP_KEYS_COLUMNS, overlayRect, type ScreenProps, scrolledHelp, shownHelp} from '../screen.js';
import {keyScope} from '../state/graphs.js';
import {tabLabel} from '../state/presenters/machine.js';
import {fitCells} from '../terminal/char-width.js';
import {text} from '../text/text.js';

/** All keys, made from the action records. */
export function HelpScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  if (!rect || state.overlay?.kind !== 'help') return null;
  const lines = shownHelp(state, actions);
  const rows = rect.height - 2;
  const first = scrolledHelp(state, actions, 0);
  const width = rect.width - 2;
  const scope = keyScope(state);
  const hasMore = first + rows < lines.length;
  return (
    <OverlayBox
      rect={rect}
      title={text.dialogs.help.title(scope === 'fleet' ? text.actionGroups['Fleet view'] : tabLabel(scope))}
      footer={hasMore ? text.dialogs.help.more : text.dialogs.anyKeyCloses}
    >
      {lines
        .slice(first, first + rows)
        .map((line) =>
          line.kind === 'heading' ? (
            <Line
              key={line.text}
              width={width}
              segments={[{text: fitCells(` ${line.text}`, width), token: 'accent', isBold: true}]}
            />
          ) : (
            <Line
              key={`${line.keys}/${line.help}`}
              width={width}
              segments={[
                {text: fitCells(`   ${line.keys}`, HELP_KEYS_COLUMNS), isBold: true},
                {text: fitCells(line.help, width - HELP_KEYS_COLUMNS)},
              ]}
            />
          ),
        )}
    </OverlayBox>
  );
}
