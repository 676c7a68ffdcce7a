import { Bolt, FunctionComponent, Row, Spout, Tuple } from './index.js';

/** The fields of the default stream, or of each stream by name. */
export type Streams = readonly string[] | { readonly [stream: string]: readonly string[] };

export interface Options {
  /** Bolts: the streams it subscribes to, by the component that emits them. */
  inputs?: { readonly [component: string]: Streams };
  /** The streams it emits on; none if absent. */
  outputs?: Streams;
  /** Which of these are read with `group: direct`, and by which tasks. Without it nobody looks at directTask. */
  direct?: { readonly [stream: string]: readonly number[] };
  /** The component's `config`. */
  conf?: { readonly [key: string]: unknown };
  /** Its name, "component" if absent. */
  component?: string;
  /** Rows in progress at a time, of code that waits. Default 1. */
  concurrency?: number;
  /** The largest row, in bytes. Default 16 MiB. */
  maxMessageBytes?: number;
  /** How rows are encoded. Default "columns". */
  level?: 'columns' | 'rows';
  /** What needTaskIds is answered with; default [1]. */
  taskIds?(emit: { stream: string; values: any[] }): number[];
  /** After how many ms a callback that was not called is reported. Default 10,000. */
  callbackMs?: number;
}

export interface Emit {
  stream: string;
  values: any[];
  /** Bolts: the rows sent that it comes from. */
  anchors?: Row[];
  directTask?: number;
  /** Spouts: the id it was emitted with. */
  id?: unknown;
}

export interface ComponentError {
  kind: 'exception' | 'fail';
  type: string;
  message: string;
  traceback: string;
  /** file:line */
  place: string;
}

/** What a component did, in the order in which it happened. */
export class Result {
  emits: Emit[];
  /** The rows sent, as they were given. */
  acked: Row[];
  failed: { row: Row; error: ComponentError }[];
  /** Neither: to be acked later. */
  held: Row[];
  /** Errors that belong to no row. */
  errors: ComponentError[];
  logs: { level: 'trace' | 'debug' | 'info' | 'warn' | 'error'; text: string }[];
  metrics: [name: string, kind: 'counter' | 'gauge' | 'histogram', value: number | number[]][];
  /** Spouts: there will be no more rows. */
  finished: boolean;
  /** The values emitted on a stream, "default" if absent. */
  values(stream?: string): any[][];
}

/**
 * Runs a component in this process, without a host, through the code that runs
 * in a topology: every value is encoded and decoded. Each method resolves to
 * what has happened since the last result, and rejects with the error that
 * would end the process.
 */
export class Tester {
  constructor(target: Bolt | Spout | FunctionComponent | (new () => Bolt | Spout), options?: Options);
  /** The instance under test, once it is started. */
  readonly instance: any;
  /** Calls initialize(); the other methods do so by themselves. */
  start(): Promise<Result>;
  /** Bolts: sends a row (an object), or rows that travel together (an array of objects, or of arrays of values). */
  send(row: { readonly [field: string]: unknown } | readonly Row[], source?: { from?: string; stream?: string; task?: number }): Promise<Result>;
  /** Bolts: calls processTick(). */
  tick(): Promise<Result>;
  /** Spouts: asks for rows, until there are so many, or it has finished, or there was none for `patience` ms (1,000). */
  next(rows?: number, options?: { patience?: number }): Promise<Result>;
  /** Spouts: the outcome of rows, by their ids. */
  ack(...ids: unknown[]): Promise<Result>;
  fail(...ids: unknown[]): Promise<Result>;
  dead(...ids: unknown[]): Promise<Result>;
  activate(): Promise<Result>;
  deactivate(): Promise<Result>;
  /** What has happened since the last result, and in one more turn of the loop: what timers did, say. Waits for nothing else. */
  later(): Promise<Result>;
  /** Calls onStop(). */
  stop(): Promise<Result>;
}
