import {Writable} from 'node:stream';

/**
 * The output stream Ink renders into. Ink runs in its debug mode, in which every write is one complete frame, so the
 * sink keeps only the newest one and never sees cursor movement or erasing.
 */
export class InkSink extends Writable {
  columns: number;
  rows: number;
  readonly isTTY = true;
  private readonly onFrame: (frame: string) => void;

  constructor(columns: number, rows: number, onFrame: (frame: string) => void) {
    super({decodeStrings: false});
    this.columns = columns;
    this.rows = rows;
    this.onFrame = onFrame;
  }

  /** Tells Ink the terminal has another size. */
  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.emit('resize');
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const text = typeof chunk === 'string' ? chunk : chunk.toString('utf8');
    // Ink also switches modes (cursor, bracketed paste) on streams it takes for a terminal: those are not frames.
    if (!isModeSwitch(text)) this.onFrame(text);
    done();
  }
}

function isModeSwitch(text: string): boolean {
  return text.startsWith('\x1b[?') && (text.endsWith('h') || text.endsWith('l')) && text.length <= 10;
}
