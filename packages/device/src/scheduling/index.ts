export { type ListOptions, listSchedule, mustKeepOrder } from "./list-schedule.ts";
