/** NKI spells names in snake_case; TypeScript kernels use the same names in camelCase, at type level and at run time. */

/** `reduce_res` to `reduceRes`. */
export type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? Tail extends ""
    ? S
    : `${Head}${Capitalize<Camel<Tail>>}`
  : S;

/** Same as the type: `camel("reduce_res")` is `"reduceRes"`; a trailing underscore stays (`bool_`). */
export const camel = <S extends string>(name: S): Camel<S> =>
  name.replace(/_(.)/g, (_, c: string) => c.toUpperCase()) as Camel<S>;
