/** The part of cli-progress, which brings no types, that the example uses. */
declare module 'cli-progress' {
  export class SingleBar {
    constructor(options: { readonly format: string }, preset: object);
    start(total: number, value: number, payload: object): void;
    increment(steps: number, payload: object): void;
    stop(): void;
  }
  export const Presets: { readonly shades_classic: object };
}
