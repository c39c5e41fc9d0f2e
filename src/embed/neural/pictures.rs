//! Pictures as CLIP sees them: decoded within limits, scaled, cut, and brought to the colours it was trained with.

use std::fmt;
use std::io::{BufRead, Seek};
use std::path::Path;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbImage};
use serde_json::Value;

use crate::common::language::either;

/// Why a picture is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unusable {
    /// There is no file.
    Missing,
    /// Its file, what it decodes to, or what it is scaled to is larger than the limit.
    Huge,
    /// No PNG, JPEG, WebP or GIF, or a damaged one.
    Broken,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => either("missing", "缺失"),
            Self::Huge => either("huge", "过大"),
            Self::Broken => either("broken", "损坏"),
        })
    }
}

/// Files of more bytes are left alone.
pub const LARGEST_FILE: u64 = 64 << 20;

/// Pictures with a longer side, in pixels, are left alone.
const SIDE_LIMIT: u32 = 20_000;

/// Pictures that decode to more bytes are left alone: a small file can decode to gigabytes.
const DECODED_LIMIT: u64 = 512 << 20;

/// Of a very long picture, the longer side grows with the shorter one: pixels after scaling.
const SCALED_LIMIT: u64 = 8 << 20;

/// How a model wants its pictures, by its `preprocessor_config.json`.
#[derive(Clone, Debug)]
pub struct Preprocessing {
    /// The shorter side after scaling.
    shortest: u32,
    pub side: u32,
    scale: f32,
    mean: [f32; 3],
    deviation: [f32; 3],
}

impl Preprocessing {
    pub fn read(settings: &Value, side: u32) -> Self {
        let size = |value: &Value| value.as_u64().map(|size| size as u32);
        let three = |name: &str, default: [f32; 3]| {
            let given: Vec<f32> =
                settings[name].as_array().into_iter().flatten().filter_map(|v| v.as_f64().map(|v| v as f32)).collect();
            given.try_into().unwrap_or(default)
        };
        let shortest = size(&settings["size"]["shortest_edge"]).or_else(|| size(&settings["size"]));
        let cut = size(&settings["crop_size"]["height"]).or_else(|| size(&settings["crop_size"]));
        Self {
            shortest: shortest.unwrap_or(side),
            side: cut.unwrap_or(side),
            scale: settings["rescale_factor"].as_f64().unwrap_or(1.0 / 255.0) as f32,
            mean: three("image_mean", [0.481_454_7, 0.457_827_5, 0.408_210_7]),
            deviation: three("image_std", [0.268_629_5, 0.261_302_6, 0.275_777_1]),
        }
    }

    /// Reads a picture: 3 x side x side numbers, one colour after the other.
    pub fn open(&self, path: &Path) -> Result<Vec<f32>, Unusable> {
        let about = std::fs::metadata(path).map_err(|_| Unusable::Missing)?;
        if !about.is_file() {
            return Err(Unusable::Missing);
        }
        if about.len() > LARGEST_FILE {
            return Err(Unusable::Huge);
        }
        let reader = ImageReader::open(path).map_err(|_| Unusable::Missing)?;
        self.prepared(self.decoded(reader.with_guessed_format().map_err(|_| Unusable::Broken)?)?)
    }

    /// Decodes what keeps within limits before and after scaling, by what its head says.
    fn decoded(&self, mut reader: ImageReader<impl BufRead + Seek>) -> Result<RgbImage, Unusable> {
        let unusable = |error| match error {
            ImageError::Limits(_) => Unusable::Huge,
            _ => Unusable::Broken,
        };
        let mut limits = Limits::default();
        limits.max_image_width = Some(SIDE_LIMIT);
        limits.max_image_height = Some(SIDE_LIMIT);
        limits.max_alloc = Some(DECODED_LIMIT);
        reader.limits(limits);
        let decoder = reader.into_decoder().map_err(unusable)?;
        let (width, height) = decoder.dimensions();
        // sixteen bits a colour, or an alpha channel, are there beside their eight-bit copy for a moment
        let decoded = decoder.total_bytes().saturating_add(3 * u64::from(width) * u64::from(height));
        let (scaled_width, scaled_height) = self.scaled(width, height);
        if decoded > DECODED_LIMIT || u64::from(scaled_width) * u64::from(scaled_height) > SCALED_LIMIT {
            return Err(Unusable::Huge);
        }
        Ok(DynamicImage::from_decoder(decoder).map_err(unusable)?.into_rgb8())
    }

    /// The shorter side exactly, the longer one rounded down, as the Python of CLIP's releases does.
    fn scaled(&self, width: u32, height: u32) -> (u32, u32) {
        let long = |long: u32, short: u32| {
            let exact = u64::from(self.shortest) * u64::from(long) / u64::from(short.max(1));
            u32::try_from(exact).unwrap_or(u32::MAX).max(1)
        };
        match width <= height {
            true => (self.shortest, long(height, width)),
            false => (long(width, height), self.shortest),
        }
    }

    fn prepared(&self, picture: RgbImage) -> Result<Vec<f32>, Unusable> {
        let (scaled_width, scaled_height) = self.scaled(picture.width(), picture.height());
        let scaled = resized(picture, scaled_width, scaled_height)?;
        let side = self.side as usize;
        // what a picture lacks beside the cut is black
        let offset = |length: u32| (i64::from(length) - i64::from(self.side)).div_euclid(2);
        let (left, top) = (offset(scaled_width), offset(scaled_height));
        let mut numbers = vec![0.0; 3 * side * side];
        for y in 0..side {
            for x in 0..side {
                let (from_x, from_y) = (left + x as i64, top + y as i64);
                let is_inside =
                    (0..i64::from(scaled_width)).contains(&from_x) && (0..i64::from(scaled_height)).contains(&from_y);
                let pixel = if is_inside { scaled.get_pixel(from_x as u32, from_y as u32).0 } else { [0; 3] };
                for colour in 0..3 {
                    let value = f32::from(pixel[colour]) * self.scale;
                    numbers[colour * side * side + y * side + x] = (value - self.mean[colour]) / self.deviation[colour];
                }
            }
        }
        Ok(numbers)
    }
}

/// Scales by cubic convolution (a = -0.5) with a window as wide as the scale: Pillow's BICUBIC, which the pictures that
/// CLIP learned from went through.
fn resized(picture: RgbImage, width: u32, height: u32) -> Result<RgbImage, Unusable> {
    let (from_width, from_height) = picture.dimensions();
    let from = Image::from_vec_u8(from_width, from_height, picture.into_raw(), PixelType::U8x3);
    let mut scaled = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    let done = Resizer::new().resize(&from.map_err(|_| Unusable::Broken)?, &mut scaled, &options);
    done.map_err(|_| Unusable::Broken)?;
    RgbImage::from_raw(width, height, scaled.into_vec()).ok_or(Unusable::Broken)
}
