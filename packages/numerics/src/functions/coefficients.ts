/**
 * Every constant of the reference functions, exactly representable in fp32. The WebAssembly build lays this table out in memory in this
 * order, so reference and kernels cannot drift apart. Polynomials are minimax fits (Remez, 60 digits) rounded to fp32; the fitted
 * quantity and its error before rounding stand beside each.
 */

const bits = new Uint32Array(1);
const value = new Float32Array(bits.buffer);
const hex = (pattern: number): number => {
  bits[0] = pattern;
  return value[0]!;
};

export const coefficients = {
  // --- exp: e^x = 2^n e^r, n = round(x log2 e), |r| <= ln2 / 2
  /** 1.5 * 2^23: adding and subtracting it rounds to the nearest integer, ties to even. */
  roundMagic: [12582912],
  log2e: [hex(0x3fb8aa3b)],
  /** ln 2 in two parts; the first has 10 significant bits, so n * ln2High is exact for |n| < 2^14. */
  ln2High: [0.693359375],
  ln2Low: [hex(0xb95e8083)],
  /** Above this e^x is infinite, below the other zero. */
  expHighest: [89],
  expLowest: [-104],
  /** (e^r - 1 - r) / r^2 on |r| <= 0.3483; 2^-28.2 relative to e^r. */
  exp: [
    0.4999999403953552, 0.166665181517601, 0.041668422520160675, 0.008369063958525658,
    0.0013813917757943273,
  ],

  // --- log: x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), s = f / (2 + f)
  /** ln 2 in two parts; the first has 17 significant bits, so k * logLn2High is exact for |k| < 128. */
  logLn2High: [hex(0x3f317180)],
  logLn2Low: [hex(0x3717f7d2)],
  /** (ln((1+s)/(1-s)) - 2s) / s^3 in s^2 on s^2 <= 0.0295; 2^-37.5 relative to ln. */
  log: [0.6666666269302368, 0.4000035524368286, 0.28535890579223633, 0.23610515892505646],
  /** The same on s^2 <= 1/9, for ln(1 + t) with 0 <= t <= 1; 2^-33.1 relative to ln. */
  log1p: [
    0.6666667461395264, 0.3999887704849243, 0.2861688733100891, 0.21427641808986664,
    0.24300995469093323,
  ],

  // --- tanh: x + x^3 T(x^2) below the bound, 1 - 2 / (e^2x + 1) above
  tanhBound: [0.625],
  /** (tanh x / x - 1) / x^2 in x^2; 2^-27.9. */
  tanh: [
    -0.3333328366279602, 0.13331490755081177, -0.05374349281191826, 0.020650571212172508,
    -0.005717027932405472,
  ],

  // --- erf: x + x E(x^2) below the bound, 1 - e^(x Q(x)) above
  erfBound: [0.921875],
  /** Beyond this erf rounds to 1. */
  erfHighest: [3.95],
  /** erf x / x - 1 in x^2; 2^-31.2. */
  erf: [
    0.12837916612625122, -0.37612634897232056, 0.11283701658248901, -0.026859702542424202,
    0.005201715975999832, -0.0008149807108566165, 8.397798956139013e-5,
  ],
  /** ln(1 - erf x) / x; 2^-30.5 absolute in erf. */
  erfTail: [
    -1.1286531686782837, -0.6351316571235657, -0.10627016425132751, 0.023791365325450897,
    -0.0036565980408340693, 0.000326346984365955, -1.1591406291699968e-5,
  ],

  // --- sin: r = x - n pi, |r| <= pi/2
  inversePi: [hex(0x3ea2f983)],
  /** pi in three parts of 8, 11 and 24 bits, so that n * part is exact for the first two up to |n| = 2^13. */
  piHigh: [3.140625],
  piMiddle: [2029 / 2097152],
  piLow: [hex(0x34222169)],
  /** Up to here the three-part reduction is used; beyond it x / pi is taken in 256-bit fixed point. */
  sinBound: [25735],
  /** (sin r / r - 1) / r^2 in r^2; 2^-35.6. */
  sin: [
    -0.1666666716337204, 0.008333330973982811, -0.00019840890308842063, 2.7526396024768474e-6,
    -2.3905126766976537e-8,
  ],

  // --- arctan: t + t^3 A(t^2) for t = min(|x|, 1/|x|)
  halfPiHigh: [hex(0x3fc90fdb)],
  halfPiLow: [hex(0xb33bbd2e)],
  /** (arctan t / t - 1) / t^2 in t^2 on t <= 1; 2^-28.7. */
  arctan: [
    -0.33333301544189453, 0.19998638331890106, -0.1426524519920349, 0.10957575589418411,
    -0.08419454097747803, 0.05823444202542305, -0.03145558014512062, 0.011064368300139904,
    -0.001827195635996759,
  ],

  // --- activation functions
  /** 1 / sqrt 2, 1 / sqrt(2 pi), 2 / sqrt pi. */
  inverseSqrt2: [hex(0x3f3504f3)],
  inverseSqrt2Pi: [hex(0x3ecc422a)],
  twoInverseSqrtPi: [hex(0x3f906ebb)],
  /** gelu_apprx_tanh: 2 sqrt(2 / pi) and that times 0.044715. */
  geluTanhLinear: [hex(0x3fcc422a)],
  geluTanhCubic: [Math.fround(0.0713548162726009)],
  geluSigmoid: [Math.fround(1.702)],
  /** Beyond +-128 every gate is 0 or 1 in fp32; clamping there keeps 0 * infinity out. */
  gateHighest: [128],
  gateLowest: [-128],
  mishHighest: [20],
} as const satisfies Record<string, readonly number[]>;

/** The single constant or the polynomial of that name. */
export type CoefficientName = keyof typeof coefficients;
