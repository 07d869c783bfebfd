//! Many networks side by side.

use maud::{Markup, html};

use crate::read::Run;
use crate::view::{facts, figure};

pub(crate) fn body(run: &Run) -> Option<Markup> {
    let (charts, results) = run.comparison.as_ref()?;
    Some(html! {
        @for chart in charts {
            @let caption = match chart.name.as_str() {
                "scaling.svg" => "The best layer of each network, at several steps of its training. In the paper a lower loss means a better probe, and larger networks are better at equal loss.",
                "objectives.svg" => "The same network trained for either objective. In the paper BERT falls behind when probed and catches up when fine-tuned.",
                _ => "Every layer of each network at its last step.",
            };
            (figure(chart, 760, caption))
        }
        (facts(results))
    })
}
