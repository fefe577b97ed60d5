"""Decodes a JPEG to an image for ImageNet's networks. TensorFlow only.

Decoding and cropping are one operation, which skips what lies outside the crop. Images are
float32 [size, size, 3] in [0, 1].
"""

import tensorflow as tf

# Of Szegedy et al. (2015): share of the image's area, width over height.
_AREA_RANGE = (0.08, 1.0)
_ASPECT_RANGE = (3 / 4, 4 / 3)

# At evaluation the shorter side would be scaled to 256 pixels where 224 are shown.
_CENTRE_SHARE = 224 / 256


def random_crop(jpeg: tf.Tensor, seed: tf.Tensor, *, size: int) -> tf.Tensor:
    """Decodes a random part, scales it to a square, mirrors at random, distorts colours.

    Args:
        jpeg: The file, string [].
        seed: int32 [2]; equal seeds give equal images.
        size: Height and width of the result, pixels.
    """
    seeds = tf.random.split(seed, 5)
    start, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.io.extract_jpeg_shape(jpeg),
        tf.zeros([1, 0, 4]),
        seed=seeds[0],
        area_range=_AREA_RANGE,
        aspect_ratio_range=_ASPECT_RANGE,
        use_image_if_no_bounding_boxes=True,
    )
    image = _decode(jpeg, tf.concat([start[:2], extent[:2]], axis=0), size)
    image = tf.image.stateless_random_flip_left_right(image, seeds[1])
    # Brightness, saturation and contrast of Inception's preprocessing, without its change of hue.
    image = tf.image.stateless_random_brightness(image, 32 / 255, seeds[2])
    image = tf.image.stateless_random_saturation(image, 0.5, 1.5, seeds[3])
    image = tf.image.stateless_random_contrast(image, 0.5, 1.5, seeds[4])
    return tf.clip_by_value(image, 0.0, 1.0)


def centre_crop(jpeg: tf.Tensor, *, size: int) -> tf.Tensor:
    """Decodes the square in the middle, 7/8 of the shorter side, and scales it.

    Args:
        jpeg: The file, string [].
        size: Height and width of the result, pixels.
    """
    shape = tf.io.extract_jpeg_shape(jpeg)[:2]
    side = tf.cast(tf.round(_CENTRE_SHARE * tf.cast(tf.reduce_min(shape), tf.float32)), tf.int32)
    window = tf.concat([(shape - side) // 2, [side, side]], axis=0)
    return _decode(jpeg, window, size)


def _decode(jpeg: tf.Tensor, window: tf.Tensor, size: int) -> tf.Tensor:
    image = tf.image.decode_and_crop_jpeg(jpeg, window, channels=3)
    return tf.image.resize(tf.cast(image, tf.float32) / 255, [size, size])
