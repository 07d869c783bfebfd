//! The stage itself.

use igpt_artifact::Kind;
use igpt_artifact::table::comparison::write_comparison;
use igpt_stage::{Context, Input, Stage, Summary};

use crate::{CompareParams, Error, chart, figures, read};

/// Puts many networks side by side.
#[derive(Clone, Copy, Debug)]
pub struct CompareStage;

impl Stage for CompareStage {
    const NAME: &'static str = "compare";
    const ABOUT: &'static str = "many networks side by side: sizes, steps, objectives";
    const KIND: Kind = Kind::Comparison;
    const INPUTS: &'static [Input] = &[Input::several(Kind::Probe), Input::any_number(Kind::Classifier)];
    type Params = CompareParams;
    type Error = Error;

    fn run(context: &Context<'_>, _: &CompareParams) -> Result<Summary, Error> {
        let rows = read::rows(context)?;
        write_comparison(context.out, &rows)?;
        let mut pictures = 0;
        for (file, picture) in
            [("scaling.svg", figures::scaling(&rows)), ("depth.svg", figures::depth(&rows))]
        {
            if let Some(picture) = picture {
                chart::write(context.out, file, |area| picture.draw(area))?;
                pictures += 1;
            }
        }
        if let Some(picture) = figures::objectives(&rows) {
            chart::write(context.out, "objectives.svg", |area| picture.draw(area))?;
            pictures += 1;
        }
        let networks = rows.iter().filter(|row| row.best).count();
        let mut summary = Summary::default().with("networks", networks).with("pictures", pictures);
        let probes = rows.iter().filter(|row| row.best && row.how == "probe");
        if let Some(best) = probes.max_by(|a, b| a.validation_accuracy.total_cmp(&b.validation_accuracy)) {
            summary =
                summary.with("best", best.model.name.as_str()).with("test_accuracy", best.test_accuracy);
        }
        Ok(summary)
    }
}
