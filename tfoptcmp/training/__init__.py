"""Training one trial: built once, run many times. Only this package and the rules need Keras.

Imports nothing, because `options` is for modules without TensorFlow.
"""
