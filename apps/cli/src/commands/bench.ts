/** stub */
export const benchCommand = async (..._: unknown[]): Promise<number> => 0;
