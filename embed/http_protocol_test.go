package embed

import "testing"

// FuzzAnswer reads arbitrary answers: an error or unit vectors, never a panic.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`[[1,0],[0.5,-1e-3]]`))
	f.Add([]byte(`{"embeddings":[[1,0],[0,1]]}`))
	f.Add([]byte(`{"data":[{"index":1,"embedding":[1]},{"index":0,"embedding":[2]}]}`))
	f.Add([]byte(`[[1,", ,"],[[],null]]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for protocol, w := range wires {
			answer, err := w.answer(body, 2)
			if err != nil {
				continue
			}
			out := make([][]float32, 2)
			dim, err := unitVectors(answer, 0, 0, out)
			if err != nil {
				continue
			}
			for i, v := range out {
				var sum float64
				for _, x := range v {
					sum += float64(x) * float64(x)
				}
				if len(v) != dim || sum < 1-1e-3 || sum > 1+1e-3 {
					t.Errorf("%s: text %d: %d components of %d, square %v", protocol, i, len(v), dim, sum)
				}
			}
		}
	})
}
