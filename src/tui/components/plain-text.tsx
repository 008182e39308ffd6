import {Text} from 'ink';
import type {ReactElement} from 'react';
import {visibleText} from '../terminal/visible-text.js';
import type {ThemeToken} from '../theme.js';
import {useColor} from './theme-context.js';

/** Text in one style, cut at its box or wrapped in it; whatever is in it is shown, nothing obeyed. */
export function PlainText({
  text,
  token,
  isBold = false,
  isWrapped = false,
}: {
  text: string;
  token?: ThemeToken;
  isBold?: boolean;
  isWrapped?: boolean;
}): ReactElement {
  const color = useColor();
  return (
    <Text wrap={isWrapped ? 'wrap' : 'truncate'} bold={isBold} {...(token ? color(token) : {})}>
      {visibleText(text)}
    </Text>
  );
}
