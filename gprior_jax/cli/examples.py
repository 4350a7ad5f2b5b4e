"""Examples of the commands, as their help shows them."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "demo": ("gprior demo --out demo_output",),
    "convert": (
        "gprior convert ffhq.pkl --to ffhq",
        "gprior convert G.pth --discriminator D.pth --to faces",
        "gprior convert vgg16.pth --lpips-linear vgg.pth --to lpips_vgg",
    ),
    "models": ("gprior models",),
    "download": ("gprior download vgg16 --to vgg16",),
    "push": ("gprior push faces/model somebody/faces --private",),
    "generate": (
        "gprior generate --out drawn",
        "gprior generate --model builtin:cells --label each --num 8 --out cells",
    ),
    "invert": (
        "gprior invert photos/ --out found",
        "gprior invert me.jpg --model builtin:portraits --method features --out me",
        "gprior invert holiday.jpg --model builtin:portraits --align auto --paste --film webp --out found",
    ),
    "colorize": ("gprior colorize gray/ --out colour", "gprior colorize photos/ --simulate --out colour"),
    "upscale": ("gprior upscale small/ --out large", "gprior upscale photos/ --simulate --factor 4 --out large"),
    "inpaint": (
        "gprior inpaint photo.jpg --mask hole.png --out whole",
        "gprior inpaint photos/ --simulate --box 16 --samples 4 --out whole",
    ),
    "denoise": ("gprior denoise photos/ --sigma 25 --out clean",),
    "deblur": ("gprior deblur photos/ --sigma 1.5 --out sharp", "gprior deblur photos/ --kernel psf.png --out sharp"),
    "calibrate": (
        "gprior inpaint known/ --simulate --box 16 --samples 4 --out measured",
        "gprior calibrate measured --level 0.9 --out inpaint.json",
        "gprior inpaint photo.jpg --box 16 --samples 4 --intervals inpaint.json --out whole",
    ),
    "translate": ("gprior translate me.jpg --model builtin:colors --size 64 --out colours",),
    "morph": (
        "gprior morph seed:1,2,3 --out strip.png",
        "gprior morph found --loop --ease --out found.webp",
    ),
    "edit": (
        "gprior edit seed:1-4 --model builtin:portraits --along fair_hair --out fair",
        "gprior edit me --model builtin:portraits --along smile.npy --strengths -2 0 2 --animation webp --out smiles",
    ),
    "diffuse": ("gprior diffuse me.jpg --context portraits/ --model builtin:portraits --out diffused",),
    "mix": ("gprior mix --model builtin:portraits --rows seed:1,2 --columns seed:3,4,5 --layers 4- --out mix.png",),
    "render": (
        "gprior render seed:1 --model builtin:portraits --along fair_hair --strengths 2 --out fair.png",
        "gprior render me --model builtin:portraits --towards you --at 0.3 --out between.png",
    ),
    "arithmetic": ("gprior arithmetic --positive seed:1,2 seed:3,4 --negative seed:5,6 --out sum.png",),
    "explain": ("gprior explain found --out explained", "gprior explain found/cat.npz --masks regions/ --out cat"),
    "directions": ("gprior directions fair_hair age.pt --model builtin:portraits",),
    "train generator": (
        "gprior train generator --data images.zip --out run --resolution 64",
        "gprior train generator --arch dcgan --data images.zip --out run --resolution 32",
    ),
    "train stylegan2": ("gprior train stylegan2 --data images.zip --out run --resolution 64 --images 400000",),
    "train encoder": ("gprior train encoder --model builtin:portraits --data faces.zip --out run",),
    "train translation": (
        "gprior train translation --data photos.zip --pairs gray --out run",
        "gprior train translation --method cyclegan --data horses --target zebras --out run",
    ),
    "train boundary": (
        "gprior train boundary --codes drawn/samples.npz --scores smile.csv --model builtin:portraits --out smile.npz",
        "gprior train boundary --codes found --labels labels.csv --positive young --out young.npz",
    ),
    "train directions": ("gprior train directions --method sefa --model builtin:portraits --out sefa",),
    "bench inversion": ("gprior bench inversion --layer 6",),
    "evaluate": ("gprior evaluate found photos/", "gprior evaluate found photos/ --lpips lpips_vgg --out figures"),
    "fid": ("gprior fid --model run/model --data images.zip --perceptual lite0",),
    "ppl": ("gprior ppl --model builtin:portraits",),
    "geometry": ("gprior geometry seed:1 seed:2 --model builtin:portraits --out between",),
    "attribute": ("gprior attribute suspects/ --out attributed",),
    "export": ("gprior export --model builtin --codes 10 --steps 50 --batch-size 4 --out invert.stablehlo",),
    "serve": ("gprior serve --model builtin:portraits --port 8080",),
    "studio": ("gprior studio --model builtin:portraits",),
    "report": ("gprior report found",),
    "merge": ("gprior merge part-0 part-1 part-2 --to found",),
}
"""Commands that a reader may copy, by the name of their command."""
