//! Stage `images`: reads or draws labelled images and brings them to one size.
//!
//! Every [`Source`](SourceKind) is read the same way. It says how many images it has in each
//! split of its own; `split` picks which of them go where, `run` streams the picked ones in
//! order, decodes and fits them on all cores, and writes the table of
//! [`igpt_artifact::table::images`]. Memory holds one chunk of images, whatever their number.
//!
//! | module | duty |
//! |---|---|
//! | `params` | what the user can set |
//! | `split` | which image goes into which split |
//! | `run` | from a source to the artifact |
//! | `source` | Hugging Face Parquet, CIFAR and STL-10 binaries, IDX, tar shards, ImageNet, a folder tree |
//! | [`shapes`] | the data set that needs no download |
//! | `decode`, `outline`, `fit` | bytes → RGB pixels → a square |
//! | `crop` | the random crops of the paper's pretraining |
//!
//! An image's id is its place in the source: training images first, then the source's own
//! validation images, then its test images. A limit therefore never renames an image.
//!
//! With `crops: N` each training image is written as N random crops, one after another. Then
//! `image_id` is 1000 · place + crop: crops are 1 to N, and 0 is the centre square, which is what
//! validation and test images always are. `image_id / 1000` tells which rows show one image.

mod crop;
mod decode;
mod error;
mod fit;
mod outline;
mod params;
mod place;
mod run;
pub mod shapes;
mod source;
mod split;

pub use error::Error;
pub use params::{ImagesParams, Part, SourceKind};
pub use place::{Place, Spot};
pub use source::{IdxError, ImagenetError, TarError};

use igpt_artifact::Kind;
use igpt_stage::{Amount, Context, Forecast, Input, InputFacts, Stage, Summary};

/// Reads or draws labelled images. See the crate's page.
#[derive(Clone, Copy, Debug)]
pub struct ImagesStage;

impl Stage for ImagesStage {
    const NAME: &'static str = "images";
    const ABOUT: &'static str = "Reads or draws labelled images and brings them to one size.";
    const KIND: Kind = Kind::Images;
    const INPUTS: &'static [Input] = &[];
    type Params = ImagesParams;
    type Error = Error;

    fn forecast(params: &ImagesParams, _: &InputFacts) -> Forecast {
        let forecast = Forecast::default().fact("size", params.size as u64);
        // How many images there are on disk is not known before they are read.
        if params.source != SourceKind::Shapes {
            return forecast;
        }
        let train = params.limit.unwrap_or(params.train).min(params.train);
        let validation = split::share(params.validation, train);
        let test = params.test_limit.unwrap_or(params.test).min(params.test);
        forecast
            .fact("train", train - validation.min(train))
            .fact("validation", validation)
            .fact("test", test)
            .figure("images", Amount::Count(train + test))
            .figure("pixels of one", Amount::Count((params.size * params.size) as u64))
    }

    fn run(context: &Context<'_>, params: &ImagesParams) -> Result<Summary, Error> {
        let path = || params.path.as_deref().ok_or(Error::NoPath { source_kind: params.source });
        match params.source {
            SourceKind::Shapes => run::run(context, params, &shapes::Shapes::new(params, context.seed)),
            SourceKind::HfParquet => {
                let columns = source::ColumnNames {
                    image: params.image_column.clone(),
                    label: params.label_column.clone(),
                };
                run::run(context, params, &source::HfParquet::open(path()?, &columns)?)
            }
            SourceKind::Cifar => run::run(context, params, &source::Cifar::open(path()?)?),
            SourceKind::Stl10 => {
                let part = params.part.unwrap_or_default();
                run::run(context, params, &source::Stl10::open(path()?, part)?)
            }
            SourceKind::Idx => run::run(context, params, &source::Idx::open(path()?)?),
            SourceKind::Tar => {
                let label_key = params.label_key.as_deref();
                run::run(context, params, &source::Tar::open(path()?, label_key)?)
            }
            SourceKind::Imagenet => {
                let (map, labels) = (params.class_map.as_deref(), params.val_labels.as_deref());
                run::run(context, params, &source::imagenet::open(path()?, map, labels)?)
            }
            SourceKind::Folder => run::run(context, params, &source::folder::open(path()?)?),
        }
    }
}
