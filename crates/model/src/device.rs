//! Where a network computes: chosen by name when the program runs.

use std::fmt;
use std::str::FromStr;

use igpt_kernels::Kernels;

use crate::{Error, Result};

/// The CPU backend.
pub type Cpu = burn_flex::Flex<f32, i32>;

/// The NVIDIA backend.
#[cfg(feature = "cuda")]
pub type Cuda = burn_cuda::Cuda<f32, i32>;

/// A device that can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    Cpu,
    /// An NVIDIA GPU, by index.
    Cuda(usize),
}

/// Work that runs on any backend.
pub trait Compute {
    /// What comes out.
    type Output;

    /// Does the work.
    fn run<B: Kernels>(self, device: B::Device) -> Self::Output;
}

impl Device {
    /// Chooses a device by name: `cpu`, `cuda`, `cuda:N`, or `auto` for a GPU where this program
    /// and this machine have one.
    pub fn choose(name: &str) -> Result<Self> {
        match name {
            "auto" if Self::cuda_is_there() => Ok(Self::Cuda(0)),
            "auto" => Ok(Self::Cpu),
            name => match name.parse()? {
                Self::Cuda(_) if !cfg!(feature = "cuda") => {
                    Err(refuse(name, "this program was built without the feature `cuda`"))
                }
                Self::Cuda(_) if !Self::cuda_is_there() => {
                    Err(refuse(name, "this machine has no NVIDIA driver"))
                }
                device => Ok(device),
            },
        }
    }

    /// Runs work on this device.
    ///
    /// # Panics
    /// If a GPU was named by hand in a program that was built without `cuda`; [`Device::choose`]
    /// never does.
    pub fn run<C: Compute>(self, work: C) -> C::Output {
        match self {
            Self::Cpu => work.run::<Cpu>(Default::default()),
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => work.run::<Cuda>(burn_cuda::CudaDevice::new(index)),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda(_) => unreachable!("built without the feature `cuda`"),
        }
    }

    /// The driver makes this file; asking the CUDA library itself would load it in every run.
    fn cuda_is_there() -> bool {
        cfg!(feature = "cuda") && std::path::Path::new("/dev/nvidiactl").exists()
    }
}

fn refuse(name: &str, message: &str) -> Error {
    Error::Device { name: name.to_owned(), message: message.to_owned() }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name.split_once(':') {
            None if name == "cpu" => Ok(Self::Cpu),
            None if name == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", index)) => {
                index.parse().map(Self::Cuda).map_err(|_| refuse(name, "the index is not a number"))
            }
            _ => Err(refuse(name, "the name is unknown")),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(Device::choose("cpu").unwrap(), Device::Cpu);
        assert_eq!("cuda:3".parse::<Device>().unwrap(), Device::Cuda(3));
        assert_eq!(Device::Cuda(3).to_string(), "cuda:3");
        for bad in ["gpu", "cuda:x", "cpu:0", ""] {
            assert!(bad.parse::<Device>().is_err(), "{bad}");
        }
        if !cfg!(feature = "cuda") {
            let error = Device::choose("cuda").unwrap_err().to_string();
            assert!(error.contains("without the feature `cuda`"), "{error}");
        }
    }
}
