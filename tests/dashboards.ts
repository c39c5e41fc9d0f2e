// What a dashboard is, by Grafana's schema; tests/dashboards.sh puts each of ours after this and has it compared.
import type { Dashboard, FieldConfig, Panel, RowPanel } from "./node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen";
import type * as bars from "./node_modules/@grafana/schema/dist/types/raw/composable/bargauge/panelcfg/x/types.gen";
import type * as stat from "./node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen";
import type * as states from "./node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen";
import type * as table from "./node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen";
import type * as series from "./node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen";

// in JSON a member of an enumeration is its text
type Plain<T> = T extends string ? `${T}` : T extends (infer One)[] ? Plain<One>[] : T extends object ? { [Key in keyof T]: Plain<T[Key]> } : T;

// the schema leaves open what only one kind of panel knows; here each has its own
type Of<Type extends string, Options, Custom> = Omit<Panel, "type" | "options" | "fieldConfig" | "targets"> & {
  type: Type;
  options: Partial<Options>;
  fieldConfig: { defaults: Omit<FieldConfig, "custom"> & { custom?: Partial<Custom> }; overrides: NonNullable<Panel["fieldConfig"]>["overrides"] };
  targets: { refId: string; expr: string; legendFormat: string; instant?: boolean; format?: "table" }[];
};
type Any =
  | RowPanel
  | Of<"timeseries", series.Options, series.FieldConfig>
  | Of<"stat", stat.Options, never>
  | Of<"bargauge", bars.Options, never>
  | Of<"state-timeline", states.Options, states.FieldConfig>
  | Of<"table", table.Options, table.FieldConfig>;
type Board = Plain<Omit<Dashboard, "panels"> & { panels: Any[] }>;

