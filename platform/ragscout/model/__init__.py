"""What things are: values, keys, the stage graph, protocols. No input or output happens in this package."""
