import type {ReactElement} from 'react';
import {Line} from '../components/line.js';
import {OverlayBox} from '../components/overlay-box.js';
import {overlayRect, type ScreenProps} from '../screen.js';
import {copyEntries} from '../state/presenters/copy-menu.js';
import {fitCells} from '../terminal/char-width.js';
import {visibleText} from '../terminal/visible-text.js';
import {text} from '../text/text.js';

const LABEL_COLUMNS = 24;

/** What can be copied of a machine. */
export function CopyMenuScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  if (!rect || state.overlay?.kind !== 'copy') return null;
  const {chosen} = state.overlay;
  const width = rect.width - 2;
  return (
    <OverlayBox rect={rect} title={text.dialogs.copy.title} footer={text.dialogs.copy.footer}>
      {copyEntries(state).map(({label, text: copied}, index) => {
        const look = index === chosen ? {isInverse: true} : {};
        return (
          <Line
            key={`${label} ${copied}`}
            width={width}
            segments={[
              {text: `${index === chosen ? ' ▸ ' : '   '}${index + 1} `, ...look},
              {text: fitCells(label, LABEL_COLUMNS), isBold: true, ...look},
              {text: fitCells(visibleText(copied ?? ''), Math.max(0, width - LABEL_COLUMNS - 5)), ...look},
            ]}
          />
        );
      })}
    </OverlayBox>
  );
}
