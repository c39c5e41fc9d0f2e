//! A list as JSON, once as the answer has it and once as the log does.

use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use crate::common::ids::{Id, IdFormat};
use crate::common::language::Language;
use crate::exposures::ExposureItem;
use crate::model::Model;
use crate::recommend::{Channels, Code, Recommended, Words};

/// A dataset in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListItem<'a> {
    /// The marketplace's id.
    pub dataset_id: Id,
    /// Its name.
    pub title: &'a str,
    /// `null` where the price is not known; 0 is free.
    pub price: Option<f64>,
    /// A path below the folder of images.
    pub cover_image: Option<&'a str>,
    /// How likely it is to be chosen.
    pub score: f32,
    /// Why it is here, in words for the visitor (`lang`); the exposure log has the figures that decided.
    #[schema(value_type = String, example = "Viewed together with this dataset in 12 visits")]
    #[serde(serialize_with = "as_text")]
    pub reason: Words<'a>,
    /// What speaks for it, the strongest first, as codes with `+` between: `behavior`, `content`, `tag`, `vector`, `visual`,
    /// `usercf`, `popular`, `rule`.
    #[schema(value_type = String, example = "behavior+content")]
    pub reason_code: Code,
    /// The same as channels, by their names in reports and experiments; `trending` and `rule` where it is none.
    #[schema(value_type = Vec<String>, example = json!(["behaviour", "content"]))]
    pub channels: Channels,
}

fn as_text<S: Serializer>(reason: &impl std::fmt::Display, into: S) -> Result<S::Ok, S::Error> {
    into.collect_str(reason)
}

/// A list that is ready to be answered and logged.
pub struct RenderedList {
    /// Its items as the answer has them.
    pub items: Box<RawValue>,
    /// The same as the log has them.
    pub logged_items: Box<RawValue>,
    /// How many items.
    pub count: usize,
    /// The list, and after it the runners-up that exploration may bring in.
    pub ranked: Vec<Recommended>,
}

impl RenderedList {
    /// Renders the first `top_n` of a list.
    ///
    /// # Errors
    /// A figure that JSON cannot say.
    pub fn new(
        model: &Model,
        ranked: Vec<Recommended>,
        top_n: usize,
        language: Language,
        ids: IdFormat,
    ) -> serde_json::Result<Self> {
        let shown = &ranked[..ranked.len().min(top_n)];
        let items: Vec<ListItem<'_>> = shown
            .iter()
            .map(|entry| {
                let item = model.item(entry.item);
                ListItem {
                    dataset_id: ids.id(item.dataset_id),
                    title: &item.title,
                    price: item.price,
                    cover_image: item.cover_image.as_deref(),
                    score: entry.score,
                    reason: Words { reason: &entry.reason, language },
                    reason_code: entry.grounds.code(),
                    channels: entry.grounds.channels(),
                }
            })
            .collect();
        let (items, logged_items) = (to_raw_value(&items)?, log_items(model, shown, ids)?);
        Ok(Self { items, logged_items, count: shown.len(), ranked })
    }

    /// About how many bytes it takes in memory.
    pub fn bytes(&self) -> usize {
        let ranked = size_of_val(self.ranked.as_slice());
        size_of::<Self>() + ranked + self.items.get().len() + self.logged_items.get().len()
    }
}

/// A list's items as the log has them.
///
/// # Errors
/// A figure that JSON cannot say.
pub fn log_items(model: &Model, shown: &[Recommended], ids: IdFormat) -> serde_json::Result<Box<RawValue>> {
    let item = |entry: &Recommended| ExposureItem {
        dataset_id: ids.id(model.item(entry.item).dataset_id),
        score: entry.score,
        reason: entry.reason,
    };
    to_raw_value(&shown.iter().map(item).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recommend::Reason;
    use crate::serve::testing;

    #[test]
    fn answer_and_log_say_the_same_in_their_own_words() {
        let model = testing::model("v1", 9);
        let entry = |item, score, reason| Recommended::alone(item, score, reason);
        let ranked = vec![
            entry(4, 0.5, Reason::Behaviour { visits: 12, content: 0.25 }),
            entry(2, 0.25, Reason::Pinned),
            entry(7, 0.125, Reason::Popular { views: 3 }),
        ];
        let rendered = |language, ids| RenderedList::new(&model, ranked.clone(), 2, language, ids).expect("a list");
        let english = rendered(Language::English, IdFormat::Number);
        let chinese = rendered(Language::Chinese, IdFormat::Number);
        assert_eq!((english.count, english.ranked.len()), (2, 3));
        assert_eq!(english.logged_items.get(), chinese.logged_items.get());
        let text = rendered(Language::English, IdFormat::String);
        let quoted =
            |list: &RawValue| ["5", "3"].iter().all(|id| list.get().contains(&format!("\"dataset_id\":\"{id}\"")));
        assert!(quoted(&text.items) && quoted(&text.logged_items));
        insta::assert_snapshot!([english.items.get(), chinese.items.get(), english.logged_items.get()].join("\n"));
    }
}
