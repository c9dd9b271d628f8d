package model

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/steersight/steersight/internal/checkpoint"
)

// badFiles are the files of testdata/tiny/bad and what is said about each.
var badFiles = []struct{ name, message string }{
	{"crc_mismatch.pt", "FILE: entry sae_plain/data/5 at byte 11456: crc-32 of the bytes is d78e029c, the zip directory says 6a91c0f0"},
	{"deep_nesting.pt", "FILE: has an unexpected key meta"},
	{"empty_file.pt", "FILE: not a checkpoint: the file is empty"},
	{"encoder_weight_1d.pt", "FILE: encoder.weight: has shape [96], not [features, dim]"},
	{"exec_builtins_eval.pt", "FILE: entry exec_builtins_eval/data.pkl at byte 583: refuses the global __builtin__.eval: a checkpoint may not call code"},
	{"exec_os_system.pt", "FILE: entry exec_os_system/data.pkl at byte 583: refuses the global posix.system: a checkpoint may not call code"},
	{"exec_os_system_legacy.pt", "FILE: object at byte 740: refuses the global posix.system: a checkpoint may not call code"},
	{"exec_os_system_outside_state_dict.pt", "FILE: entry exec_os_system_outside_state_dict/data.pkl at byte 771: refuses the global posix.system: a checkpoint may not call code"},
	{"exec_raw_pickle.pt", "FILE: magic number at byte 26: refuses the global posix.system: a checkpoint may not call code"},
	{"exec_raw_pickle_proto4.pt", "FILE: magic number at byte 47: refuses the global posix.system: a checkpoint may not call code"},
	{"global_os_getenv.pt", "FILE: entry global_os_getenv/data.pkl at byte 583: refuses the global os.getenv: a checkpoint may not call code"},
	{"huge_declared_shape.pt", "FILE: entry sae_plain/data.pkl at byte 418: tensor encoder.weight: shape [1099511627776, 24] with strides [24, 1] and offset 0 reaches element 26388279066623 of storage 3, which has 2304"},
	{"inf_encoder_bias.pt", "FILE: encoder.bias: has an infinity in row 4"},
	{"int_extra_key.pt", "FILE: has an unexpected key net.4.weight"},
	{"int_missing_net0.pt", "FILE: has no net.0.weight; its keys are net.0.bias, net.2.weight, net.2.bias"},
	{"int_missing_net2_bias.pt", "FILE: has no net.2.bias; its keys are net.0.weight, net.0.bias, net.2.weight"},
	{"int_nan.pt", "FILE: net.2.bias: has a NaN in row 0"},
	{"int_not_a_dict.pt", "FILE: has no state dict: it holds a list"},
	{"int_wrong_out_dim.pt", "FILE: net.2.weight: has shape [25, 10], not [24, 10]"},
	{"int_zero_output.pt", "FILE: net.2: output layer is all zeros, so that every view would be the zero vector"},
	{"integer_weights.pt", "FILE: tensor encoder.weight: not supported: elements are int8, not floating-point numbers"},
	{"k_larger_than_dict.pt", "FILE: k: is 97, not in 1..96, the number of features"},
	{"k_negative.pt", "FILE: k: is -3, not in 1..96, the number of features"},
	{"k_python_int.pt", "FILE: k: is a Python int, not a tensor; store it as torch.tensor(k), or give k with --k"},
	{"k_two_elements.pt", "FILE: k: has 2 elements, not one"},
	{"k_zero.pt", "FILE: k: is 0, not in 1..96, the number of features"},
	{"missing_b_dec.pt", "FILE: has no b_dec; its keys are k, threshold, encoder.weight, encoder.bias, decoder.weight"},
	{"missing_decoder_weight.pt", "FILE: has no decoder.weight; its keys are b_dec, k, threshold, encoder.weight, encoder.bias"},
	{"missing_encoder_weight.pt", "FILE: has no encoder.weight; its keys are b_dec, k, threshold, encoder.bias, decoder.weight"},
	{"missing_k.pt", "FILE: has no k; give one with --k"},
	{"missing_k_and_threshold.pt", "FILE: has no k; give one with --k"},
	{"missing_storage.pt", "FILE: entry sae_plain/data/3: is missing"},
	{"missing_threshold.pt", "FILE: has no threshold; give k with --k to read it without one"},
	{"nan_b_dec.pt", "FILE: b_dec: has a NaN in row 2"},
	{"nan_decoder.pt", "FILE: decoder.weight: has a NaN in row 1, column 1"},
	{"nan_encoder_row.pt", "FILE: encoder.weight: has a NaN in row 3, column 5"},
	{"nested_list_expansion.pt", "FILE: has an unexpected key l"},
	{"nested_value_not_tensor.pt", "FILE: encoder.bias: is a string, not a tensor"},
	{"not_a_dict_list.pt", "FILE: has no state dict: it holds a list"},
	{"not_a_dict_tensor.pt", "FILE: has no state dict: it holds a tensor"},
	{"numpy_arrays.pt", "FILE: entry numpy_arrays/data.pkl at byte 82: refuses the global numpy._core.multiarray._reconstruct: a checkpoint may not call code"},
	{"path_traversal_entry.pt", "FILE: entry ../../evil.txt: path leaves the archive"},
	{"prefix_model.pt", "FILE: has no encoder.weight; its keys are model.b_dec, model.k, model.threshold, model.encoder.weight, model.encoder.bias, model.decoder.weight"},
	{"prefix_orig_mod_module.pt", "FILE: has no encoder.weight; its keys are _orig_mod.module.b_dec, _orig_mod.module.k, _orig_mod.module.threshold, _orig_mod.module.encoder.weight, _orig_mod.module.encoder.bias, _orig_mod.module.decoder.weight"},
	{"safetensors_bad_offsets.safetensors", "FILE: tensor encoder.weight: data_offsets [9696, 18916] hold 9220 bytes, F32 [96, 24] needs 2304 elements of 4 bytes"},
	{"safetensors_header_too_long.safetensors", "FILE: header at byte 0: length 1099511627776 is more than 100000000"},
	{"safetensors_truncated.safetensors", "FILE: tensor encoder.weight: data_offsets [9696, 18912] go past the 18820 bytes of data"},
	{"short_storage.pt", "FILE: entry sae_plain/data/3 at byte 1119: has 4608 bytes, not the 9216 of 2304 float32"},
	{"text_file.pt", "FILE: not a checkpoint: neither a torch file nor safetensors, begins with \"this is not a ch\""},
	{"truncated_legacy.pt", "FILE: storage 94754857400752 at byte 10615: is cut short: 8820 of 9216 bytes"},
	{"truncated_zip.pt", "FILE: zip directory: cannot be read, as in a file that is cut short (zip: not a valid zip file)"},
	{"truncated_zip_tail.pt", "FILE: zip directory: cannot be read, as in a file that is cut short (zip: not a valid zip file)"},
	{"unexpected_key.pt", "FILE: has an unexpected key unknown.weight"},
	{"whole_module.pt", "FILE: entry whole_module/data.pkl at byte 66: refuses the global mechanistic_explainer.TopKMechanisticExplainer: a checkpoint may not call code"},
	{"wrong_shape_b_dec.pt", "FILE: b_dec: has shape [26], not [24]"},
	{"wrong_shape_decoder_transposed.pt", "FILE: decoder.weight: has shape [96, 24], not [24, 96]"},
	{"wrong_shape_encoder_bias.pt", "FILE: encoder.bias: has shape [97], not [96]"},
	{"zero_features.pt", "FILE: encoder.weight: has shape [0, 24]: no features"},
	{"zip_deflated_bomb_storage.pt", "FILE: entry sae_plain/data/3: not supported: entry is compressed, torch never does that"},
	{"zip_deflated_bomb_unreferenced.pt", "FILE: entry sae_plain/data/99: not supported: entry is compressed, torch never does that"},
	{"zip_no_pickle.pt", "FILE: zip directory: not a checkpoint: has no entry data.pkl"},
}

const tiny = "../testdata/tiny"

func TestBadFiles(t *testing.T) {
	list, err := os.ReadDir(filepath.Join(tiny, "bad"))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(badFiles) {
		t.Errorf("%d files, %d messages", len(list), len(badFiles))
	}
	for _, bad := range badFiles {
		path := filepath.Join(tiny, "bad", bad.name)
		read := func() error { _, err := ReadSAE(path, SAEOptions{}); return err }
		if strings.HasPrefix(bad.name, "int_") {
			read = func() error { _, err := ReadInternalizer(path); return err }
		}
		err := read()
		if err == nil {
			t.Errorf("%s: no error", bad.name)
			continue
		}
		if got := strings.Replace(err.Error(), path, "FILE", 1); got != bad.message {
			t.Errorf("%s:\n got %s\nwant %s", bad.name, got, bad.message)
		}
		var file *FileError
		var corrupt *checkpoint.CorruptionError
		if !errors.As(err, &file) && !errors.As(err, &corrupt) {
			t.Errorf("%s: error of type %T", bad.name, err)
		}
	}
}
