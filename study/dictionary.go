package study

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"

	"github.com/steersight/steersight/gpu"
	"github.com/steersight/steersight/internal/kernel"
	"github.com/steersight/steersight/model"
)

// auxWeight is how much the loss of dead features counts (Gao et al., α).
const auxWeight = 1. / 32

// A dictionary is an SAE in training: its weights, which change in place, and
// Adam's state of each.
//
// Codes come from an Engine, so that what is trained is what will be used. Of a
// row, only the features in its code have a gradient: the rows are shared out
// first, to find codes and residuals, then the features, each of which adds up
// its own gradient over the rows that use it, in their order, and takes its step.
// There is never a matrix of gradients.
type dictionary struct {
	sae      *model.SAE
	recipe   SAERecipe
	variance float64 // mean ‖x − mean‖² of what is trained on: the loss's unit

	encoder, encoderBias, decoder, decoderBias adam

	steps int     // done
	fired []int32 // of each feature, the last step, from 1, with it in a code

	centred  []float32 // [rows, dim], x − b_dec
	main     loss      // the loss itself
	aux      loss      // the loss of dead features
	dead     []int32   // of each feature, its place among the dead ones, or -1
	partials []float32 // scratch: of each block of features, Σ gradient of the bias × encoder row
}

// newDictionary makes an SAE whose b_dec is the mean of the rows, whose decoder
// has random unit columns, and whose encoder is the decoder's transpose.
func newDictionary(mean []float64, variance float64, recipe SAERecipe) *dictionary {
	dim, features := len(mean), recipe.Features
	sae := &model.SAE{Dim: dim, Features: features, K: recipe.K, Threshold: model.NoThreshold,
		EncoderBias: make([]float32, features), Decoder: make([]float32, features*dim), DecoderBias: make([]float32, dim)}
	for i, x := range mean {
		sae.DecoderBias[i] = float32(x)
	}
	random := rand.New(rand.NewPCG(recipe.Seed, streamWeights))
	for i := range sae.Decoder {
		sae.Decoder[i] = float32(2*random.Float64() - 1)
	}
	for j := range features {
		normalize(sae.Decoder[j*dim:][:dim])
	}
	sae.EncoderWeight = append(sae.EncoderWeight, sae.Decoder...)
	return &dictionary{sae: sae, recipe: recipe, variance: variance,
		encoder: newAdam(features * dim), encoderBias: newAdam(features), decoder: newAdam(features * dim), decoderBias: newAdam(dim),
		fired: make([]int32, features), dead: make([]int32, features)}
}

// normalize brings a vector to unit length, unless it is zero.
func normalize(v []float32) {
	if norm := math.Sqrt(kernel.Dot(v, v)); norm > 0 {
		for i := range v {
			v[i] = float32(float64(v[i]) / norm)
		}
	}
}

// collectEvery is after how many steps garbage is collected. Each step has an
// Engine of its own, with a copy of the encoder, and its pool keeps it alive until
// a second collection; left to itself, the collector waits for ever more of them.
// It takes little time, as there are few pointers.
const collectEvery = 4

// step takes one step on the rows x at a learning rate, and returns the loss
// before it: the share of the variance that is left.
func (d *dictionary) step(x *gathered, rate float64) (loss float64, err error) {
	if loss, err = d.losses(x); err != nil {
		return 0, err
	}
	d.steps++
	for _, code := range d.main.codes {
		for _, j := range code.Features {
			d.fired[j] = int32(d.steps)
		}
	}
	d.update(strideOf(d.steps, rate))
	if d.steps%collectEvery == 0 {
		runtime.GC()
	}
	return loss, nil
}

// losses computes both losses of the rows x, and returns the first.
func (d *dictionary) losses(x *gathered) (float64, error) {
	n, dim := len(x.rows), d.sae.Dim
	var err error
	if d.recipe.BatchTopK {
		d.main.codes, _, err = encodeBatch(d.sae, x.rows, d.recipe.Threads)
	} else {
		d.main.codes, err = encode(d.sae, x.rows, d.recipe.Threads)
	}
	if err != nil {
		return 0, err
	}
	d.centred, d.main.left = resize(d.centred, n*dim), resize(d.main.left, n*dim)
	for i := range n {
		for at, bias := range d.sae.DecoderBias {
			d.centred[i*dim+at] = x.flat[i*dim+at] - bias
			d.main.left[i*dim+at] = -d.centred[i*dim+at]
		}
	}
	left := d.main.reconstruct(d.sae.Decoder, dim, d.recipe.Threads)
	d.main.scale = float32(2 / (float64(n) * d.variance))
	d.main.byFeature.collect(&d.main, d.sae.Features)
	if err := d.auxLoss(x, left); err != nil {
		return 0, err
	}
	return left / (float64(n) * d.variance), nil
}

// encode returns the codes of rows.
func encode(sae *model.SAE, rows [][]float32, threads int) ([]gpu.Code, error) {
	engine, err := gpu.Open(sae, nil, gpu.Options{Device: "cpu", Threads: threads})
	if err != nil {
		return nil, err
	}
	return engine.Encode(context.Background(), rows)
}

// auxLoss lets the features that have been in no code for long reconstruct what
// the others leave, x − x̃, which counts as given: their loss is what is left
// then, as a share of it (Gao et al., appendix A.2). left is the sum of squares
// of what the others leave.
func (d *dictionary) auxLoss(x *gathered, left float64) error {
	dim := d.sae.Dim
	sub := &model.SAE{Dim: dim, DecoderBias: d.sae.DecoderBias}
	for j := range d.dead {
		d.dead[j] = -1
		if d.steps-int(d.fired[j]) >= d.recipe.DeadSteps {
			d.dead[j] = int32(sub.Features)
			sub.Features++
			sub.EncoderWeight = append(sub.EncoderWeight, d.sae.EncoderWeight[j*dim:][:dim]...)
			sub.EncoderBias = append(sub.EncoderBias, d.sae.EncoderBias[j])
			sub.Decoder = append(sub.Decoder, d.sae.Decoder[j*dim:][:dim]...)
		}
	}
	sub.K = min(d.recipe.AuxK, sub.Features)
	if sub.K == 0 || left == 0 {
		d.aux.scale = 0
		return nil
	}
	var err error
	if d.aux.codes, err = encode(sub, x.rows, d.recipe.Threads); err != nil {
		return err
	}
	d.aux.left = append(d.aux.left[:0], d.main.left...)
	d.aux.reconstruct(sub.Decoder, dim, d.recipe.Threads)
	d.aux.scale = float32(2 * auxWeight / left)
	d.aux.byFeature.collect(&d.aux, sub.Features)
	return nil
}

// gradient sets dec and enc to the gradients of the weights of feature j, and
// returns that of its bias. It may be called once after losses.
func (d *dictionary) gradient(j int, dec, enc []float32) (bias float32) {
	clear(dec)
	clear(enc)
	bias = d.main.gradient(j, d.centred, dec, enc)
	if place := d.dead[j]; place >= 0 && d.aux.scale > 0 {
		bias += d.aux.gradient(int(place), d.centred, dec, enc)
	}
	return bias
}

// featureBlock is how many features a goroutine takes at a time.
const featureBlock = 64

// update moves all weights one step.
func (d *dictionary) update(s stride) {
	dim, features := d.sae.Dim, d.sae.Features
	blocks := (features + featureBlock - 1) / featureBlock
	d.partials = resize(d.partials, blocks*dim)
	clear(d.partials)
	share(d.recipe.Threads, features, featureBlock, func(from, to int) error {
		dec, enc := make([]float32, dim), make([]float32, dim)
		partial := d.partials[from/featureBlock*dim:][:dim]
		for j := from; j < to; j++ {
			bias := d.gradient(j, dec, enc)
			combine(partial, []float32{bias}, []uint32{uint32(j)}, d.sae.EncoderWeight)
			d.move(j, dec, enc, bias, s)
		}
		return nil
	})
	d.decoderBias.step(d.sae.DecoderBias, d.biasGradient(), s)
}

// move moves the weights of feature j. The decoder column keeps its unit length:
// the part of the gradient along it is left out, and what a step adds taken away.
func (d *dictionary) move(j int, dec, enc []float32, bias float32, s stride) {
	dim := d.sae.Dim
	column := d.sae.Decoder[j*dim:][:dim]
	along := float32(kernel.Dot(dec, column))
	for i, w := range column {
		dec[i] -= float32(along * w)
	}
	d.decoder.part(j*dim, dim).step(column, dec, s)
	normalize(column)
	d.encoder.part(j*dim, dim).step(d.sae.EncoderWeight[j*dim:][:dim], enc, s)
	d.encoderBias.part(j, 1).step(d.sae.EncoderBias[j:j+1], []float32{bias}, s)
}

// biasGradient returns the gradient of b_dec, which is added to reconstructions
// and taken from what is encoded.
func (d *dictionary) biasGradient() []float32 {
	dim := d.sae.Dim
	gradient := make([]float32, dim)
	for i := 0; i < len(d.main.left); i += dim {
		for at, x := range d.main.left[i:][:dim] {
			gradient[at] += x
		}
	}
	for at := range gradient {
		gradient[at] = float32(gradient[at] * d.main.scale)
	}
	for i := 0; i < len(d.partials); i += dim {
		for at, x := range d.partials[i:][:dim] {
			gradient[at] -= x
		}
	}
	return gradient
}
