import {Box, Text} from 'ink';
import type {ReactElement, ReactNode} from 'react';
import {borderLabel, textWidth} from '../terminal/char-width.js';
import {useColor} from './theme-context.js';

/** A frame with a title in its upper border and a footer in its lower one. */
export interface FrameProps {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly footer?: string;
  readonly isFocused?: boolean;
  readonly children?: ReactNode;
}

/** A border around children, `width` × `height` cells in all. */
export function Frame({width, height, title, footer = '', isFocused = false, children}: FrameProps): ReactElement {
  const color = useColor();
  const border = color(isFocused ? 'borderFocused' : 'border');
  return (
    <Box flexDirection="column" width={width} height={height} overflow="hidden" flexShrink={0}>
      <Border left="╭" right="╮" label={title} width={width} color={border} isBold={isFocused} />
      <Box
        width={width}
        height={Math.max(0, height - 2)}
        borderStyle="round"
        borderTop={false}
        borderBottom={false}
        {...(border.color === undefined ? {} : {borderColor: border.color})}
        flexDirection="column"
        overflow="hidden"
      >
        {children}
      </Box>
      <Border left="╰" right="╯" label={footer} width={width} color={border} isBold={false} />
    </Box>
  );
}

interface BorderProps {
  readonly left: string;
  readonly right: string;
  readonly label: string;
  readonly width: number;
  readonly color: {color?: string};
  readonly isBold: boolean;
}

function Border({left, right, label, width, color, isBold}: BorderProps): ReactElement {
  const text = borderLabel(label, width);
  const rest = '─'.repeat(Math.max(0, width - 2 - textWidth(text)));
  return (
    <Text wrap="truncate">
      <Text {...color}>{left}</Text>
      <Text bold={isBold}>{text}</Text>
      <Text {...color}>
        {rest}
        {right}
      </Text>
    </Text>
  );
}
