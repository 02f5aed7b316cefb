/** Training and generation loops over compiled models. */
export {};
