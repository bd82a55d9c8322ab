// Who works as what, and the lines worth trying in each job.

const LOG = "记 张三 电话 聊了螺纹套保比例，想降到三成，下周三回访 #套保";

const JOBS = [
  {
    name: "客户经理", does: "查客户、记沟通、跟进", roles: ["manager"],
    lines: ["zs", "持仓 张三", LOG, "开户 顾清和", "追保", "待办", "帮助"],
  },
  {
    name: "营业部负责人", does: "审批，看本部客户", roles: ["head"],
    lines: ["待审批", "追保", "风险榜", "张三", "帮助"],
  },
  {
    name: "业务审核", does: "适当性、合规、开户", roles: ["suitability", "compliance", "opening_desk"],
    lines: ["待审批", "同意", "退回补件 身份证反面不清晰", "张三", "帮助"],
  },
  {
    name: "风控", does: "盯追保，认领，处理", roles: ["risk"],
    lines: ["风险榜", "追保", "/为什么 张三", "/规则 追保", "/变更", "帮助"],
  },
  {
    name: "系统管理", does: "员工、规则、健康", roles: ["system_admin"],
    lines: ["/健康", "/员工 王强", "/流程", "/系统", "/变更", "帮助"],
  },
  {
    name: "安全管理", does: "角色与权限", roles: ["security_admin"],
    lines: ["/角色 王强", "/角色 王强 +风控", "/变更", "帮助"],
  },
  {
    name: "审计", does: "谁看过，谁改过", roles: ["audit_admin"],
    lines: ["/审计 陈曦 近7天", "/审计 张三 近30天", "/员工 王强", "帮助"],
  },
  { name: "路人", does: "期台不认识的人", roles: ["stranger"], lines: ["你好", "张三"] },
];

/** The five lines of the first screen; each is said by somebody whose job it is. */
export const FIRST_LINES = [
  { person: "wangqiang", line: "zs", why: "拼音首字母就能找客户" },
  { person: "wangqiang", line: "持仓 张三", why: "持仓和权益曲线" },
  { person: "wangqiang", line: LOG, why: "一句话记沟通，待办自己建好" },
  { person: "chenxi", line: "风险榜", why: "最危险的二十户，带图" },
  { person: "stranger", line: "张三", why: "不认识的人什么也问不到" },
];

const STAFF = { name: "员工", does: "", lines: ["帮助"] };
const jobOf = ({ role }) => JOBS.find((job) => job.roles.includes(role)) ?? STAFF;

const BRANCHES = { HZ: "杭州", SH: "上海" };
const DESKS = { suitability: "适当性", compliance: "合规", opening_desk: "开户" };

/** What tells a person from others of the same job. */
export const deskOf = ({ role, branch, on_duty: onDuty }) =>
  BRANCHES[branch] ?? (branch || DESKS[role] || (onDuty ? "值班" : ""));

export const jobName = (person) => jobOf(person).name;
export const linesFor = (person) => jobOf(person).lines;

export const groupedByJob = (people) =>
  [...JOBS, STAFF]
    .map((job) => ({ ...job, people: people.filter((person) => jobOf(person) === job) }))
    .filter((job) => job.people.length);
