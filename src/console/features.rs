//! What a candidate is judged by, in the reader's language.

use super::ui::Ui;
use crate::model::Feature;

/// What a feature is, in a sentence.
pub fn sentence(ui: &Ui, feature: Feature) -> &'static str {
    if ui.is_chinese() { chinese(feature) } else { feature.sentence() }
}

fn chinese(feature: Feature) -> &'static str {
    match feature {
        Feature::Organic => "该页访客自行前往它的频度（behaviour_neighbours）。",
        Feature::Walk => "organic 的两步。",
        Feature::Kinship => "行为向量的余弦：两者常与相同的数据集同现。",
        Feature::Followed => "该页访客从列表前往它的频度。",
        Feature::Reverse => "反方向的 organic。",
        Feature::Lexical => "文本用词的余弦；候选文本与许多文本相似时降低。",
        Feature::Dense => "文本稠密向量的余弦。",
        Feature::Tags => "标签的余弦，少见的标签权重更高。",
        Feature::SameProvider => "同一供应方为 1，否则为 0。",
        Feature::Popularity => "ln(1 + 浏览数)。",
        Feature::RecentPopularity => "ln(1 + 每三周减半的浏览数)。",
        Feature::PagePopularity => "ln(1 + 页面的浏览数)。",
        Feature::Session => "与本次访问相似的历史访问包含它的程度，占最高者的比例。",
        Feature::PrefixBehaviour => "从此前各页的 organic 与 walk，越近权重越高。",
        Feature::PrefixKinship => "与此前各页行为向量的余弦，越近权重越高。",
        Feature::PrefixContent => "与此前各页文本稠密向量的余弦，越近权重越高。",
        Feature::LastBehaviour => "从上一页的 organic 与 walk。",
        Feature::Seen => "上一页就是它为 1，再前一页为 1/2，依此类推；没有看过为 0。",
        Feature::PrefixLength => "此前浏览的页数。",
        Feature::Taste => "与已知用户历次浏览的文本稠密向量的余弦。",
        Feature::Prior => "手工权重由其他特征得出的值（PRIOR_WEIGHTS）。",
        Feature::PriorRank => "ln(1 + 在全部候选中按 prior 的名次)，从 0 起。",
        Feature::ContentRank => "ln(1 + 按 content 的名次)。",
        Feature::TagRank => "ln(1 + 按 tag_popularity 的名次)。",
        Feature::TagPopularity => "tags（同一供应方加十分之一）乘以 popularity。",
        Feature::PriceGap => "价格对数之差；一方没有价格为 0。",
        Feature::Bridge => "从文本与该页最相似的数据集而来的 organic。",
        Feature::NextOrganic => "ln(1 + 作为访客自行找到的下一页的次数)。",
        Feature::NextFollowed => "ln(1 + 作为从列表到达的下一页的次数)。",
        Feature::Visits => "ln(1 + 同时包含两者的访问数)。",
        Feature::Examined => "它在该页列表中的位置本应带给任一数据集的点击数。",
        Feature::Lift => "它在该页列表中的点击，与其位置本应带来的点击之比，两者各加一。",
        Feature::Pictures => "图像向量的余弦。",
        Feature::Content => "lexical 与 dense，按本目录的权重合成。",
        Feature::LedHere => "本次访问中直接从它来到该页的次数。",
        Feature::Again => "该页与本次访问中上次浏览它之间隔一页为 1，隔两页为 1/2，依此类推；首次浏览为 0。",
    }
}
