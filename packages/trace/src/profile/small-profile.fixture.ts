/** A dump small enough to read, in the form the profiler writes; numbers are made up. For tests. */
const instruction = (over: Record<string, unknown>): string =>
  JSON.stringify({
    subgraph: "sg00",
    instruction_type: "REGULAR",
    evt_wait_time: 1,
    bir_instruction_name: "",
    ...over,
  }).replace(/"id":"(\d+)"/g, '"id":$1');

export const smallProfile = `{"warnings":[{"message":"a \\"quoted\\" ]} one"}],"instruction":[${[
  instruction({
    id: "8158926430342629659",
    label: "Vector",
    pc: 8,
    opcode: "TENSOR_REDUCE",
    timestamp: 1200,
    duration: 690,
    operands:
      " S[5] (Tensor)>=4 S[6] (Vector)++@complete op=MAX dim=X src=fp32@0x2002000[1,1,1,1][512,1,1,1] dst=fp32@0x4800[1,1,1,1][1,1,1,1] channels=128 ",
    predecessors: [{ id: "3234272491855211889", type: "FLOW_DEPENDENCE" }],
  }),
  instruction({
    id: "3234272491855211889",
    label: "TensorMatrix",
    pc: 7,
    opcode: "MATMUL",
    timestamp: 900,
    duration: 274,
    operands:
      "S[5] (Tensor)++@complete acc_flags=0 fp32_mode=LOW_HIGH src=fp32@0x4400[1,0,0][128,1,1] dst=0x2001000[1,0,0][128,1,1] 128*128 ",
  }),
  instruction({
    id: "13",
    label: "Tensor",
    pc: 9,
    opcode: "DRAIN",
    timestamp: 890,
    duration: 330,
    operands: "",
  }),
  instruction({
    id: "12",
    label: "Tensor",
    pc: 6,
    opcode: "LDWEIGHTS",
    timestamp: 880,
    duration: 190,
    operands:
      "S[24] (qGpSimdDynamic)>=16 fp32_mode=LOW transpose_mode=ENABLED src=fp32@0x369f4[-1,0,0][128,1,1] 128*128 ",
  }),
].join(
  ",",
)}],"dma":[{"subgraph":"sg00","dma_queue":"0","dma_engine":"64","queue_type":"software_dynamic","timestamp":500,"duration":158,"transfer_size":4096}],"ham":[{"subgraph":"sg00","k":4,"n":8,"type":1,"timestamp":10,"duration":3413}],"dma_queues_info":[{"subgraph":"sg00","q_name":"qGpSimdDynamic","q_idx":0}],"semaphore_update":[{"subgraph":"sg00","id":"S[5] (Tensor)","timestamp":1190,"value":4}],"metadata":[{"first_hw_timestamp":0,"last_hw_timestamp":2000,"pe_clock_freq":2.4,"num_physical_cores":2,"is_simulation":false}],"summary":[{"hbm_read_bytes":4096,"compiler_version":"2.23"}]}`;
