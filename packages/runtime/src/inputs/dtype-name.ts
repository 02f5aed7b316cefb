/** The names under which users write data types: NKI's own, the short forms of the text format, and the field's habits. */
import { OpenTrnError } from "@opentrn/base";
import { type DType, dtypeInfo, dtypeNames } from "@opentrn/numerics";

const aliases: Readonly<Record<string, DType>> = {
  ...Object.fromEntries(dtypeNames.map((d) => [dtypeInfo[d].short, d])),
  bool: "bool_",
  fp16: "float16",
  half: "float16",
  fp32: "float32",
  float: "float32",
  fp8_e4m3: "float8_e4m3",
  fp8_e5m2: "float8_e5m2",
};

/** The type called `name`, or undefined. */
export function findDtype(name: string): DType | undefined {
  if ((dtypeNames as readonly string[]).includes(name)) return name as DType;
  return Object.hasOwn(aliases, name) ? aliases[name] : undefined;
}

/** The type called `name`; throws `bad input` with the known names. */
export function dtypeNamed(name: string, what = "data type"): DType {
  const known = findDtype(name);
  if (known !== undefined) return known;
  throw new OpenTrnError(
    `${what} ${JSON.stringify(name)} is not one we know; choose one of ${dtypeNames.join(", ")}`,
    { category: "bad input", rule: "data type" },
  );
}
