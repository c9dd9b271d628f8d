// Package checkpoint reads tensors out of checkpoint files that it does not
// trust, and writes safetensors.
//
// # Model
//
// A checkpoint is a file of one of three formats, recognised from its content:
// the zip archive of torch.save since PyTorch 1.6, the sequence of pickles that
// torch.save wrote before, and safetensors. Open maps the file into memory and
// reads its structure; the result has one root Value, for models a dict of
// tensors, sometimes one level down (File.StateDict). A Tensor is a view of a
// storage, a run of bytes in the file: float32 tensors are used where they lie,
// others are converted when asked for.
//
// # Safety
//
// Pickle is a program for a stack machine that may call any function. The
// machine here knows a dozen globals (global.go), each only a way to write down
// a tensor, and refuses all others by name. Nothing is executed, no path in a
// file is opened, no memory is allocated that a file of that size could not
// need: pickles are at most 16 MiB, with bounds on stack, marks and memo; values
// share their parts, so that nested lists do not expand; a tensor that repeats
// elements has no more of them than the file has bytes; storages are ranges of
// the map. Compressed zip entries are refused, as torch never writes them.
// Checksums of zip entries are verified when an entry is first used.
//
// # Caveats
//
// The legacy and safetensors formats have no checksums. A file that another
// process cuts short while it is mapped ends the program with a fault, as for
// every memory map; do not write to a checkpoint in place. On a big-endian
// machine every tensor is converted.
//
// # Sources
//
// The formats are described by PyTorch's documentation of torch.save and its
// torch/serialization.py, torch/_weights_only_unpickler.py and
// caffe2/serialize/inline_container.h, by Python's pickletools, and by
// https://huggingface.co/docs/safetensors. docs/checkpoints.md draws them.
//
// The Go libraries for these formats were weighed and not taken for files that
// are not trusted. github.com/nlpodyssey/gopickle v0.2.0 allocates each storage
// and each string at the size that the pickle states, before it looks at the
// file; turns unknown globals into generic objects; accepts a storage with a
// wrong CRC; does not return from an empty file; panics on tar files and
// storage views; has no check of strides, no big-endian archives, no
// _rebuild_parameter. github.com/nlpodyssey/safetensors (2025-02) takes the last
// of duplicate names, refuses the whole file for one element type that it does
// not know, and leaves conversion to the caller. github.com/kisielk/og-rek
// v1.3.0 is a pickle reader only, without limits, and uses panic and recover
// for keys of dictionaries.
package checkpoint
