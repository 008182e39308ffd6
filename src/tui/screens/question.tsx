import type {ReactElement} from 'react';
import {Line} from '../components/line.js';
import {OverlayBox} from '../components/overlay-box.js';
import {overlayRect, type ScreenProps} from '../screen.js';
import {questionLines} from '../state/presenters/question.js';
import {ANSWERS, shownQuestion} from '../state/questions.js';
import {text} from '../text/text.js';

/** Asks whether a guest may reach what it wants to reach; Deny is highlighted. */
export function QuestionScreen({state, actions}: ScreenProps): ReactElement | null {
  const rect = overlayRect(state, actions);
  const shown = shownQuestion(state);
  if (!rect || !shown || state.overlay?.kind !== 'question') return null;
  const {chosen} = state.overlay;
  const width = rect.width - 2;
  return (
    <OverlayBox rect={rect} title={text.network.question.title} footer={text.network.question.footer}>
      {questionLines(state, shown, width - 2).map((line, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is known by its place
        <Line key={row} width={width} segments={[{text: ` ${line}`}]} />
      ))}
      <Line width={width} segments={[]} />
      {ANSWERS.map(({label}, index) => (
        <Line
          key={label}
          width={width}
          segments={[{text: ` ${index === chosen ? '▸' : ' '} ${label} `, isInverse: index === chosen}]}
        />
      ))}
    </OverlayBox>
  );
}
