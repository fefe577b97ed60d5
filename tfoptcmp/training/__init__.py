"""Training one trial: built once, run many times. The only room but the rules that needs Keras.

Imports nothing, because `options` is for modules without TensorFlow.
"""
