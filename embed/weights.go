package embed

import (
	"errors"
	"fmt"
	"slices"

	"github.com/steersight/steersight/internal/checkpoint"
	"github.com/steersight/steersight/internal/kernel"
)

// A linear is a linear layer: its weight, packed for products, and bias [out].
type linear struct {
	weight  kernel.Matrix
	bias    []float32
	out, in int
}

// A layerNorm scales rows to mean 0 and variance 1, and then by weight [width]
// and bias [width].
type layerNorm struct{ weight, bias []float32 }

// A bertLayer is one layer of the encoder.
type bertLayer struct {
	query, key, value linear // [hidden, hidden]
	context           linear // [hidden, hidden], attention's output
	contextNorm       layerNorm
	up                linear // [intermediate, hidden]
	down              linear // [hidden, intermediate]
	downNorm          layerNorm
}

// A weightReader takes tensors out of a checkpoint. The first that is missing
// or has another shape is its err; what it returns then is of no use.
type weightReader struct {
	file   *checkpoint.File
	prefix string // put before every name: "bert." or none
	err    error
}

// openWeights opens the checkpoint of a folder: model.safetensors, or else
// pytorch_model.bin.
func openWeights(dir folderFS) (*checkpoint.File, error) {
	for _, name := range []string{"model.safetensors", "pytorch_model.bin"} {
		if dir.has(name) {
			return checkpoint.Open(dir.path(name))
		}
		if index := name + ".index.json"; dir.has(index) {
			return nil, fmt.Errorf("%s: weights in several files are not supported: save the model as one model.safetensors", index)
		}
	}
	return nil, errors.New("neither model.safetensors nor pytorch_model.bin is there")
}

// newWeightReader finds out how the checkpoint's names begin.
func newWeightReader(file *checkpoint.File) *weightReader {
	r := &weightReader{file: file}
	const probe = "embeddings.word_embeddings.weight"
	if _, ok := file.Tensor(probe); !ok {
		if _, ok := file.Tensor("bert." + probe); ok {
			r.prefix = "bert."
		}
	}
	return r
}

// tensor returns a tensor as float32, in place where it is that already.
func (r *weightReader) tensor(name string, shape ...int) []float32 {
	if r.err != nil {
		return nil
	}
	t, ok := r.file.Tensor(r.prefix + name)
	if !ok {
		r.err = fmt.Errorf("tensor %q is missing", r.prefix+name)
		return nil
	}
	if !slices.Equal(t.Shape, shape) {
		r.err = fmt.Errorf("tensor %q has shape %v, config.json makes it %v", r.prefix+name, t.Shape, shape)
		return nil
	}
	v, err := t.Float32()
	if err != nil {
		r.err = fmt.Errorf("tensor %q: %w", r.prefix+name, err)
	}
	return v
}

// linear returns the layer of that name.
func (r *weightReader) linear(name string, out, in int) linear {
	l := linear{out: out, in: in}
	weight := r.tensor(name+".weight", out, in)
	if l.bias = r.tensor(name+".bias", out); r.err == nil {
		l.weight.Pack(weight, out, in, in)
	}
	return l
}

// norm returns the layer norm of that name, whose tensors are called gamma and
// beta in checkpoints that were converted from TensorFlow.
func (r *weightReader) norm(name string, width int) layerNorm {
	if _, ok := r.file.Tensor(r.prefix + name + ".weight"); !ok {
		if _, ok := r.file.Tensor(r.prefix + name + ".gamma"); ok {
			return layerNorm{r.tensor(name+".gamma", width), r.tensor(name+".beta", width)}
		}
	}
	return layerNorm{r.tensor(name+".weight", width), r.tensor(name+".bias", width)}
}

// layer returns layer i of the encoder.
func (r *weightReader) layer(i int, c *bertConfig) bertLayer {
	at := fmt.Sprintf("encoder.layer.%d.", i)
	h := c.Hidden
	return bertLayer{
		query:       r.linear(at+"attention.self.query", h, h),
		key:         r.linear(at+"attention.self.key", h, h),
		value:       r.linear(at+"attention.self.value", h, h),
		context:     r.linear(at+"attention.output.dense", h, h),
		contextNorm: r.norm(at+"attention.output.LayerNorm", h),
		up:          r.linear(at+"intermediate.dense", c.Intermediate, h),
		down:        r.linear(at+"output.dense", h, c.Intermediate),
		downNorm:    r.norm(at+"output.LayerNorm", h),
	}
}

// newBert takes the weights of a whole model.
func newBert(file *checkpoint.File, c *bertConfig) (*bert, error) {
	r := newWeightReader(file)
	m := &bert{
		config:    c,
		words:     r.tensor("embeddings.word_embeddings.weight", c.Vocab, c.Hidden),
		positions: r.tensor("embeddings.position_embeddings.weight", c.Positions, c.Hidden),
		types:     r.tensor("embeddings.token_type_embeddings.weight", c.Types, c.Hidden),
		norm:      r.norm("embeddings.LayerNorm", c.Hidden),
		act:       activations[c.Activation],
	}
	for i := 0; i < c.Layers && r.err == nil; i++ {
		m.layers = append(m.layers, r.layer(i, c))
	}
	return m, r.err
}
