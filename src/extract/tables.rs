//! The tables nearset reads, with the columns it needs and uses of each.

/// A table of a source.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// `business` or `matomo`.
    pub source: &'static str,
    /// The columns that tell rows apart; each with what stands in for it where a source has no such column.
    pub key: &'static [(&'static str, &'static str)],
    /// Columns without which the table cannot be used.
    pub required: &'static [&'static str],
    /// Columns used where they are there.
    pub optional: &'static [&'static str],
    /// A row's change time is the first of these that holds a time; empty where rows never change.
    pub change_columns: &'static [&'static str],
    /// What becomes of rows that a database no longer has.
    pub gone: Gone,
}

/// What becomes of rows that a database no longer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// They go here too.
    Removed,
    /// They go here too, but for those below the source's smallest key: Matomo purges its old logs, and what was
    /// learned from them stays.
    RemovedAbovePurge,
    /// They stay: Matomo purges actions that no log of its own names any more.
    Kept,
}

impl Table {
    /// Whether it is one of Matomo's.
    pub fn is_matomo(&self) -> bool {
        self.source == "matomo"
    }

    /// Every column of the table's raw relation that nearset knows of.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> {
        let listed = self.required.iter().chain(self.optional).copied();
        let key = self.key.iter().map(|(column, _)| *column);
        key.filter(|k| !self.required.contains(k) && !self.optional.contains(k)).chain(listed)
    }
}

/// All tables, each before those that name its rows. A database is read from the last to the first, so that what a row
/// names is read after it and never missing.
pub const TABLES: &[Table] = &[
    Table {
        name: "user",
        source: "business",
        key: &[("id", "")],
        required: &["id", "create_time"],
        optional: &["company_name", "province", "city", "is_consumption", "last_login_time", "update_time"],
        change_columns: &["update_time", "create_time"],
        gone: Gone::Removed,
    },
    Table {
        name: "dataset",
        source: "business",
        key: &[("id", "")],
        required: &["id", "dataset_name", "create_time"],
        optional: &["description", "tag", "price", "create_company_name", "is_delete", "cover_id", "update_time"],
        change_columns: &["update_time", "create_time"],
        gone: Gone::Removed,
    },
    Table {
        name: "task",
        source: "business",
        key: &[("id", "")],
        required: &["id", "dataset_id", "create_user", "create_time"],
        optional: &["price", "update_time"],
        change_columns: &["update_time", "create_time"],
        gone: Gone::Removed,
    },
    Table {
        name: "api_order",
        source: "business",
        key: &[("id", "")],
        required: &["id", "api_id", "creator_id", "create_time"],
        optional: &["price", "api_price", "update_time", "pay_time"],
        change_columns: &["update_time", "create_time"],
        gone: Gone::Removed,
    },
    Table {
        name: "dataset_image",
        source: "business",
        key: &[("id", "")],
        required: &["id", "dataset_id", "image_url", "create_time"],
        optional: &["image_order", "update_time"],
        change_columns: &["update_time", "create_time"],
        gone: Gone::Removed,
    },
    Table {
        name: "matomo_log_action",
        source: "matomo",
        key: &[("idaction", "")],
        required: &["idaction", "name", "type"],
        optional: &["url_prefix"],
        change_columns: &[],
        gone: Gone::Kept,
    },
    Table {
        name: "matomo_log_visit",
        source: "matomo",
        key: &[("idvisit", "")],
        required: &["idvisit", "idsite", "idvisitor", "visit_last_action_time"],
        optional: &["user_id", "visit_first_action_time", "visit_total_actions", "visit_total_time"],
        change_columns: &["visit_last_action_time"],
        gone: Gone::RemovedAbovePurge,
    },
    Table {
        name: "matomo_log_link_visit_action",
        source: "matomo",
        key: &[("idlink_va", "")],
        required: &["idlink_va", "idvisit", "idsite", "server_time"],
        optional: &[
            "idaction_url",
            "idaction_name",
            "idaction_url_ref",
            "idaction_product_sku",
            "idaction_event_category",
            "idaction_event_action",
            "idaction_content_name",
            "idaction_content_piece",
            "idaction_content_target",
            "idaction_content_interaction",
            "pageview_position",
            "custom_dimension_1",
            "custom_dimension_2",
            "custom_dimension_3",
            "custom_dimension_4",
            "custom_dimension_5",
        ],
        change_columns: &["server_time"],
        gone: Gone::RemovedAbovePurge,
    },
    Table {
        name: "matomo_log_conversion",
        source: "matomo",
        key: &[("idvisit", ""), ("idgoal", "'0'"), ("buster", "coalesce(idorder, server_time)")],
        required: &["idvisit", "idsite", "server_time"],
        optional: &[
            "idorder",
            "revenue",
            "url",
            "idaction_url",
            "idlink_va",
            "custom_dimension_1",
            "custom_dimension_2",
            "custom_dimension_3",
            "custom_dimension_4",
            "custom_dimension_5",
        ],
        change_columns: &["server_time"],
        gone: Gone::RemovedAbovePurge,
    },
    Table {
        name: "matomo_log_conversion_item",
        source: "matomo",
        key: &[("idvisit", ""), ("idorder", ""), ("idaction_sku", "")],
        required: &["idvisit", "idorder", "idaction_sku"],
        optional: &["price", "quantity", "deleted", "server_time"],
        change_columns: &["server_time"],
        gone: Gone::RemovedAbovePurge,
    },
];
