"""What `sswd export` writes for the programs beside an IOC, from its configuration.

    model       the systems and their PVs, as every format needs them
    lists       pvlist, autosave, saverestore, archiver, alarm
    screen      what stands where on a screen: rows of widgets, pure
    bob pydm    the screen as Phoebus and PyDM read it
    ophyd_async a module with a typed class for each system

Pure but for `bob`, which needs phoebusgen. Nothing here imports caproto.
"""
