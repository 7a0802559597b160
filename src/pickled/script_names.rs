//! What the code of a script may call.

/// Functions of tensors, numbers and lists: `torch.NAME(…)`. None of them reads or writes anything else, or draws
/// random numbers but `dropout`, which does nothing in a network that does not train.
pub(super) const FUNCTIONS: &str = "
    abs absolute acos acosh adaptive_avg_pool1d add add_ addbmm addcdiv addcmul addmm addmv all alpha_dropout
    amax amin aminmax __and__ any append arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax
    argmin argsort asin asinh atan atan2 atanh avg_pool1d baddbmm batch_norm bilinear block_diag bmm Bool
    broadcast_tensors broadcast_to cat cdist ceil celu celu_ chain_matmul chunk clamp clamp_ clamp_max
    clamp_max_ clamp_min clamp_min_ clip clone column_stack concat concatenate constant_pad_nd __contains__
    contiguous conv1d conv2d _convolution copysign cos cosh cosine_similarity cross cummax cummin cumprod cumsum
    deg2rad detach diag diag_embed diagonal diff dim div div_ divide dot dropout dropout_ einsum elu elu_
    embedding eq equal erf erfc erfinv exp exp2 expand expand_as expm1 extend eye feature_dropout fill_ flatten
    flip Float float_power FloatImplicit floor floor_divide floordiv fmax fmin fmod format frac full full_like
    gather ge gelu gelu_ __getitem__ glu group_norm gru_cell gt hardshrink hardsigmoid hardsigmoid_ hardswish
    hardswish_ hardtanh hardtanh_ hstack huber_loss hypot index index_select inner instance_norm Int IntImplicit
    __is__ is_autocast_cpu_enabled is_autocast_enabled is_floating_point is_nonzero isfinite isinf isnan
    __isnot__ item kron layer_norm le leaky_relu leaky_relu_ len lerp lgamma linalg_norm linalg_vector_norm
    linear linspace list log log10 log1p log2 log_sigmoid log_softmax logaddexp logaddexp2 logcumsumexp
    logical_and logical_not logical_or logical_xor logit logsumexp lstm_cell lt masked_fill masked_fill_ matmul
    max max_pool1d maximum mean median min minimum mish mish_ mm movedim mse_loss mul mul_ multiply mv
    nan_to_num narrow ne neg neg_ negative norm __not__ numel one_hot ones ones_like __or__ outer pad
    pairwise_distance permute pixel_shuffle pow pow_ prelu prod rad2deg ravel reciprocal reflection_pad1d relu
    relu_ relu6 relu6_ remainder renorm repeat repeat_interleave reshape rms_norm rnn_relu_cell rnn_tanh_cell
    roll round rsqrt rsub ScalarImplicit scaled_dot_product_attention select selu selu_ _set_item sgn sigmoid
    sigmoid_ sign silu silu_ sin sinc sinh size slice smooth_l1_loss softmax softplus softshrink sort split
    split_with_sizes sqrt square squeeze stack std std_mean sub sub_ subtract sum swapaxes t take_along_dim tan
    tanh tanh_ tensor tensor_split tensordot threshold threshold_ tile to topk transpose tril triu true_divide
    trunc type_as unbind unflatten unfold unsafe_chunk unsqueeze unsqueeze_ var var_mean view view_as vstack
    warn where __xor__ zeros zeros_like
";

/// Where custom classes of `PyTorch` are, which are no code of the file.
pub(super) const CUSTOM: &str = "__torch__.torch.classes";

/// What else may be called: `ops.prim.NAME(…)`. What raises an error ends the script with it.
pub(super) const PRIMITIVES: &str = "
    NumToTensor RaiseException abs data device dtype is_cuda is_nested max min requires_grad unchecked_cast
";

/// Words of the language that look like calls.
pub(super) const BUILT_IN: &str =
    "annotate bool float getattr int isinstance len list str unchecked_cast uninitialized";

/// Words before a bracket that is no call.
pub(super) const BEFORE_A_BRACKET: &str = "and assert else if in is not or return";

/// What code of a network does not need: it could keep a program busy for ever, or hide what is called.
pub(super) const REFUSED: &str =
    "async await del elif except exec from global import lambda nonlocal try while with yield";

/// Returns whether a word is in one of these lists.
pub(super) fn among(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|one| one == word)
}

/// Returns whether this is how modules are called: `forward`, or `forward1` and so on in what was traced.
pub(super) fn is_forward(word: &str) -> bool {
    word.strip_prefix("forward").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}
