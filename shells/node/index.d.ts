// Types of Polybolt's SDK for Node. The README shows how they are used.

/** What a field may hold. Class instances, functions and undefined are refused by emit. */
export type Value =
  | null
  | boolean
  | number // an int where it is a safe integer other than -0, else a float
  | bigint // an int of 64 bits; ints beyond the safe integers arrive so
  | string
  | Uint8Array // arrives as a Buffer
  | Date // see Timestamp
  | readonly Value[]
  | { readonly [key: string]: Value }
  | ReadonlyMap<Value, Value>; // arrives so when not all keys are strings

/** One row: the values of a stream's fields in their order, or an object of them. */
export type Row = readonly unknown[] | { readonly [field: string]: unknown };

/** Calls back when a hook in Node's old manner has finished. */
export type Done = (error?: unknown) => void;

type Awaitable<T> = T | PromiseLike<T>;

/** A Date that remembers nanoseconds; emitted unchanged it goes out as it came. */
export class Timestamp extends Date {
  /** @param seconds since 1970 @param nanoseconds 0 to 999999999 after them */
  constructor(seconds: bigint | number, nanoseconds?: number);
  /** Nanoseconds after the last full second. */
  readonly nanoseconds: number;
}

/** Where this process stands in the topology. */
export interface Context {
  readonly topology: string;
  readonly component: string;
  /** This process's task id. */
  readonly task: number;
  /** Its number among the component's tasks, from 0. */
  readonly index: number;
  /** The task ids of every component. */
  readonly tasks: { readonly [component: string]: readonly number[] };
  /** A scratch directory of this task. */
  readonly dir: string;
  /** The component's own `config` from the YAML. */
  readonly conf: { readonly [key: string]: any };
  readonly log: Logger;
  readonly metrics: Metrics;
}
export const Context: abstract new () => Context;

/** Log lines with a level; arguments as for console.log. console.* is sent to the host as well. */
export interface Logger {
  trace(...args: unknown[]): void;
  debug(...args: unknown[]): void;
  info(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  error(...args: unknown[]): void;
}

/** The component's own metrics by name; nothing to register. They are sent once a second and at the end. */
export interface Metrics {
  counter(name: string): { inc(n?: number): void };
  gauge(name: string): { set(value: number): void };
  histogram(name: string): { observe(value: number): void };
  /** Starts a clock; the function returned puts the seconds since into the histogram of that name. */
  timer(name: string): () => void;
}

/** One input row. It may be kept: it holds its own values. */
export interface Tuple<Fields = { [field: string]: any }> {
  /** The value of a field; a RangeError that lists the fields if there is no such field. */
  get<K extends keyof Fields & string>(field: K): Fields[K];
  /** All values, in the order of fields. */
  readonly values: any[];
  readonly fields: readonly string[];
  /** Where it comes from: component, stream, task. A tick: "__system", "__tick", -1. */
  readonly component: string;
  readonly stream: string;
  readonly task: number;
  /** Tells it from every other tuple that this process receives. */
  readonly id: string;
}
export const Tuple: abstract new () => Tuple;

export interface BoltEmit {
  /** The stream; "default" if absent. */
  stream?: string;
  /** The tuples it comes from, instead of the one in progress; [] for none. */
  anchors?: Tuple<any> | readonly Tuple<any>[] | null;
  /** For a direct grouping: the task it goes to. */
  directTask?: number;
  /** Have emit return a promise of the ids of the tasks it went to. */
  needTaskIds?: boolean;
}

export interface SpoutEmit {
  stream?: string;
  directTask?: number;
  needTaskIds?: boolean;
  /** Comes back to ack(), fail() or dead(). Without one (undefined, null) the host keeps and replays the row by itself. */
  id?: string | number | boolean | bigint | Uint8Array | null;
}

/**
 * A component that receives tuples. Override process(), or processBatch() to
 * get them in groups. Every method may be async, or take a callback as one more
 * parameter.
 */
export class Bolt {
  /** Starts it: call this last in the file, on the class or on an instance. */
  static run(): void;
  run(): void;

  /** Emits are anchored to the tuple in progress. Default true. */
  autoAnchor: boolean;
  /** A tuple is acked when process() has returned and its promise is fulfilled. Default true. */
  autoAck: boolean;
  /** A tuple is failed when process() throws or its promise is rejected. Default true. */
  autoFail: boolean;

  conf: Context['conf'];
  ctx: Context;
  log: Logger;
  metrics: Metrics;

  /** Called once, before any tuple. */
  initialize?(conf: Context['conf'], ctx: Context, done: Done): unknown;
  /** Called for every tuple. */
  process(tup: Tuple<any>, done: Done): unknown;
  /**
   * If defined, called instead of process() with up to batch.max tuples of one stream.
   * Returning acks all that were not failed; an exception fails all that were
   * not acked. An emit without anchors comes from every tuple of the batch that
   * is still open: name the one it comes from.
   */
  processBatch?(tuples: Tuple<any>[], done: Done): unknown;
  /** Called every `tick`; ticks never reach process(). */
  processTick?(tup: Tuple<any>, done: Done): unknown;
  /** Called once, at the end of an orderly stop; what it emits still arrives. */
  onStop?(done: Done): unknown;

  /** Sends one row. Throws TypeError or RangeError for what cannot be sent, naming component, stream and field. */
  emit(values: Row, options: BoltEmit & { needTaskIds: true }): Promise<number[]>;
  emit(values: Row, options?: BoltEmit): void;
  /** Says that a tuple is done: needed only with autoAck = false. */
  ack(tup: Tuple<any>): void;
  /** Has a tuple replayed; error says why. */
  fail(tup: Tuple<any>, error?: unknown): void;
}

/** A source of tuples. Override nextTuple(); for rows emitted with an id also ack() and fail(). */
export class Spout {
  static run(): void;
  run(): void;

  conf: Context['conf'];
  ctx: Context;
  log: Logger;
  metrics: Metrics;

  initialize?(conf: Context['conf'], ctx: Context, done: Done): unknown;
  /**
   * Emits what there is. When nothing was emitted the next call waits a little
   * longer each time, up to 50 ms. An exception is reported, and the call
   * repeated after a pause.
   */
  nextTuple(done: Done): unknown;
  /** The row emitted with that id, and all that came of it, is done. */
  ack(id: any, done: Done): unknown;
  /** It failed. If overridden, replaying is up to the spout, else the host does it. */
  fail(id: any, done: Done): unknown;
  /** It was given up and is kept in dead.jsonl; a committing spout may move on. */
  dead(id: any, done: Done): unknown;
  /** nextTuple() is about to be called again. */
  activate?(done: Done): unknown;
  /** nextTuple() will not be called for a while. */
  deactivate?(done: Done): unknown;
  onStop?(done: Done): unknown;

  emit(values: Row, options: SpoutEmit & { needTaskIds: true }): Promise<number[]>;
  emit(values: Row, options?: SpoutEmit): void;
  /** There will be no more rows: nextTuple() is not called again, ack() and fail() still are. */
  finish(): void;
}

/** What bolt() and spout() return. */
export interface FunctionComponent {
  /** Starts it: call this last in the file. */
  run(): void;
}

/**
 * Makes a bolt of a function. It is given the input's fields as an object, the
 * context, and the tuple. Each value it yields, or the one it returns, is an
 * emit: with one output field the value itself, with several an array or an
 * object of them; null and undefined emit nothing. An exception fails the input.
 */
export function bolt<Fields = { [field: string]: any }>(
  fn: (fields: Fields, ctx: Context, tup: Tuple<Fields>) => Awaitable<unknown> | Iterable<unknown> | AsyncIterable<unknown>,
): FunctionComponent;

/** Makes a spout of a generator function. Each value it yields is a row as in bolt(); null means nothing yet. Its end is finish(). */
export function spout(fn: (ctx: Context) => Iterable<unknown> | AsyncIterable<unknown>): FunctionComponent;

/** In a function bolt or spout: emits on a stream by name; values as for yield. */
export function emitTo(stream: string, values: unknown): void;
